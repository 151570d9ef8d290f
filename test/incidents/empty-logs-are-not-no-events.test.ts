// What broke elsewhere: endpoints answered a question for logs with an empty list and no error, and an event was missed for good.
import { expect, test } from "vitest";
import { follow, newReader, numbers, say, useFollowing } from "#test/chain/support/following.ts";
import { honest, lying } from "#test/chain/support/proxy.ts";

const following = useFollowing();

test("an empty list of logs from every endpoint is a gap, never a step forward", async () => {
  const reader = newReader();
  await say(following, 1n);
  await follow(following, reader);
  await say(following, 2n);
  for (const proxy of following.proxies) proxy.behave = lying("eth_getLogs", []);
  for (let times = 0; times < 3; times++) {
    expect(await follow(following, reader)).toMatchObject({ kind: "gap", at: { reason: "missing", sequence: 2n } });
  }
  expect(numbers(reader)).toEqual([1n]);
  for (const proxy of following.proxies) proxy.behave = honest;
  await follow(following, reader);
  expect(numbers(reader)).toEqual([1n, 2n]);
});
