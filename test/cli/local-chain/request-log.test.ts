// The append-only log: torn lines, damage, a second writer.
import { mkdtemp, readFile, rm, writeFile, appendFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseLog, renderLine, RequestLog, type Genesis, type LoggedRequest } from "#cli/local-chain/request-log.ts";

const genesis: Genesis = {
  version: 1,
  chainId: 31337,
  timestampSeconds: 1_700_000_000,
  hardfork: "prague",
  fundedAddresses: [],
  balanceWei: "1",
};
const request = (index: number): LoggedRequest => ({
  method: "evm_mine",
  params: [],
  timestampSeconds: 1_700_000_000 + index,
  offsetSeconds: 0,
  head: `0x${index.toString(16).padStart(64, "0")}`,
});

let dataDir = "";
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "scs-log-"));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

test("a log cut off at any byte keeps exactly its whole lines", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 6 }), fc.double({ min: 0, max: 1, noNaN: true }), (count, part) => {
      const lines = [renderLine(genesis), ...Array.from({ length: count }, (_, i) => renderLine(request(i)))];
      const whole = Buffer.from(lines.join(""));
      const cut = Math.floor(part * whole.length);
      const parsed = parseLog(whole.subarray(0, cut));
      let bytes = 0;
      let complete = 0;
      while (complete < lines.length && bytes + (lines[complete] ?? "").length <= cut) {
        bytes += (lines[complete] ?? "").length;
        complete += 1;
      }
      expect(parsed.goodBytes).toBe(bytes);
      expect(parsed.genesis).toEqual(complete > 0 ? genesis : undefined);
      expect(parsed.requests).toEqual(Array.from({ length: Math.max(0, complete - 1) }, (_, i) => request(i)));
    }),
  );
});

test("a last line that is whole but wrong is left out; a wrong line before others is damage", () => {
  const good = renderLine(genesis) + renderLine(request(0));
  const wrong = renderLine(request(1)).replace("evm_mine", "evm_mind");
  expect(parseLog(Buffer.from(good + wrong))).toMatchObject({ goodBytes: good.length, requests: [request(0)] });
  expect(() => parseLog(Buffer.from(good + wrong + renderLine(request(2))))).toThrow(
    expect.objectContaining({
      code: "INTERNAL_OBJECT_CORRUPT",
      detail: expect.objectContaining({ line: 3 }) as unknown,
    }),
  );
});

test("a torn line is cut off on opening, and writing goes on after the last good one", async () => {
  const path = join(dataDir, "local-chain.log");
  await writeFile(path, renderLine(genesis) + renderLine(request(0)) + renderLine(request(1)).slice(0, 40));
  const { log, parsed } = await RequestLog.open(dataDir, genesis);
  expect(parsed.requests).toEqual([request(0)]);
  await log.append(request(2));
  await log.close();
  expect(parseLog(await readFile(path)).requests).toEqual([request(0), request(2)]);
});

test("a line taken back is gone, and the next one takes its place", async () => {
  const { log } = await RequestLog.open(dataDir, genesis);
  await log.append(request(0));
  await log.append(request(1));
  await log.dropLast();
  await log.append(request(2));
  await log.close();
  expect(parseLog(await readFile(join(dataDir, "local-chain.log"))).requests).toEqual([request(0), request(2)]);
});

test("a second writer is noticed before anything is written over it", async () => {
  const { log } = await RequestLog.open(dataDir, genesis);
  await appendFile(join(dataDir, "local-chain.log"), renderLine(request(0)));
  await expect(log.append(request(1))).rejects.toMatchObject({ code: "INTERNAL_OBJECT_CORRUPT" });
  await log.close();
});
