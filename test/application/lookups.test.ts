// Short memories: bounded in age by the clock that is given, and one question for many who ask at once.
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openLookups } from "#application/lookups.ts";
import { issueToken, registerActor, revokeToken, tokenDigest } from "#storage/tokens.ts";
import { actor, openTestApplication, policy, startOfTests, type Opened } from "./opened.ts";

let opened: Opened;
const { address } = actor(1);
const clock = { now: startOfTests };

beforeAll(async () => {
  opened = await openTestApplication();
});
afterAll(async () => await opened.close());

const later = (milliseconds: number): Date => new Date(clock.now.getTime() + milliseconds);
const until = later(86_400_000);

test("a revoked token is forgotten within seconds", async () => {
  const lookups = openLookups(opened.database, () => clock.now);
  const chance = { random: randomBytes, now: clock.now };
  const token = await issueToken(opened.database, { subject: "ops", scopes: ["audit:read", "no:such"], until }, chance);
  const digest = tokenDigest(token);
  expect(lookups.rememberedToken(digest)).toBeUndefined();
  expect((await lookups.token(digest)).holder?.caller).toEqual({
    kind: "token",
    subject: "ops",
    scopes: new Set(["audit:read"]),
  });
  await revokeToken(opened.database, digest, clock.now);
  expect(lookups.rememberedToken(digest)?.holder?.isRevoked).toBe(false);
  clock.now = later(2_001);
  expect(lookups.rememberedToken(digest)).toBeUndefined();
  expect((await lookups.token(digest)).holder?.isRevoked).toBe(true);
});

test("a token that is not there is remembered as well", async () => {
  const lookups = openLookups(opened.database, () => clock.now);
  const digest = tokenDigest(`scs_${"x".repeat(43)}`);
  expect(await lookups.token(digest)).toEqual({ holder: undefined });
  expect(lookups.rememberedToken(digest)).toEqual({ holder: undefined });
});

test("roles follow the register within seconds", async () => {
  const lookups = openLookups(opened.database, () => clock.now);
  expect(await lookups.roles(address)).toEqual(new Set());
  await registerActor(opened.database, { address, roles: ["auditor", "executor"] }, "test", clock.now);
  expect(await lookups.roles(address)).toEqual(new Set());
  clock.now = later(2_001);
  expect(await lookups.roles(address)).toEqual(new Set(["auditor", "executor"]));
});

test("who asks at the same time shares one question", async () => {
  const lookups = openLookups(opened.database, () => clock.now);
  const answers = await Promise.all(Array.from({ length: 50 }, async () => await lookups.roles(address)));
  expect(new Set(answers).size).toBe(1);
});

test("a failed question is asked again, and is not remembered", async () => {
  const failing = { query: () => Promise.reject(new Error("gone")) };
  const broken = openLookups(failing as never, () => clock.now);
  await expect(broken.roles(address)).rejects.toThrow("gone");
  await expect(broken.roles(address)).rejects.toThrow("gone");
});

test("live versions and policies are those that are published", async () => {
  const lookups = openLookups(opened.database, () => clock.now);
  expect(await lookups.liveVersions("main")).toEqual({ semantic: ["2026.1"], policy: ["1"] });
  expect(await lookups.liveVersions("elsewhere")).toBeUndefined();
  expect(await lookups.policy("1")).toEqual(policy);
  expect(await lookups.policy("2")).toBeUndefined();
});
