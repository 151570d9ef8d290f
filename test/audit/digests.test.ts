// The second implementation of ids, leaves and of what actors sign agrees with the first.
import { expect, test } from "vitest";
import {
  bundleSigned,
  decisionSigned,
  domainOf,
  envelopeSigned,
  hexOf,
  hexWord,
  idOf,
  jcs,
  leafOf,
  scopeIdOf,
  signingDomain,
  word,
} from "#audit/digests.ts";
import { bytesToHex, contentId, type Hex } from "#protocol/hash.ts";
import { leafDomain, leafHashes, scopeId } from "#protocol/leaves.ts";
import { bundleDigest, decisionDigest, envelopeDigest } from "#protocol/messages.ts";
import { finishedTask } from "#test/settlement/finished-tasks.ts";

const place = { chainId: 31337, anchor: `0x${"a1".repeat(20)}`, scope: "films", epoch: 9 } as const;
const context = { chainId: 31337n, anchor: place.anchor, scopeId: scopeId("films"), epoch: 9n };
const [one, two, three]: Hex[] = ["one", "two", "three"].map((name) => contentId("t", name));

test("ids, domains and leaves are the same both ways [SETL-05]", () => {
  const value = { b: [1, null, "é\u0000"], a: { z: true, y: "10" } };
  expect(idOf("tag", jcs(value))).toBe(contentId("tag", value));
  expect(scopeIdOf("films")).toBe(scopeId("films"));
  for (const kind of ["header", "result", "payout"] as const)
    expect(hexOf(domainOf(kind, place))).toBe(leafDomain(kind, context));
  const leaf = leafOf(domainOf("payout", place), [word(3), hexWord(place.anchor), word(2n ** 100n)]);
  const expected = leafHashes("payout", context, [{ index: 3n, account: place.anchor, amount: 2n ** 100n }]);
  expect(hexOf(leaf)).toBe(bytesToHex(expected));
});

test("what actors sign is the same both ways", () => {
  if (one === undefined || two === undefined || three === undefined) throw new Error("no ids");
  const domain = signingDomain(place);
  const message = { chainId: 31337n, anchor: place.anchor };
  expect(hexOf(bundleSigned(domain, one, two))).toBe(bytesToHex(bundleDigest(message, one, two)));
  const decision = { taskId: one, bundleId: two, decisionId: three, verdict: "accepted" };
  const digest = decisionDigest(message, decision);
  expect(hexOf(decisionSigned(domain, decision))).toBe(bytesToHex(digest));
  const { envelope } = finishedTask(3);
  expect(hexOf(envelopeSigned(domain, envelope))).toBe(bytesToHex(envelopeDigest(message, envelope)));
});
