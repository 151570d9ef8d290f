// Acts whose effect belongs to other parts of the node: roll-outs, epochs, aggregations, verdicts, promotions.
import { expect, test } from "vitest";
import type { Hex } from "#protocol/hash.ts";
import type { GovernanceOrder } from "#protocol/schemas/governance.ts";
import { readDraft } from "#semantic/registry-draft.ts";
import { openEpoch, readEpoch } from "#storage/epochs.ts";
import { registryOf } from "#test/layers/documents.ts";
import { board, now, openGovernance, proposalIn } from "./governing.ts";

const { database, asked, candidates, order, codeOf } = await openGovernance();
await order({ kind: "publish_registry", registry: registryOf("2026.2") });

const rollout = (fromEpoch: number, ...semanticVersions: string[]): GovernanceOrder => ({
  kind: "roll_out",
  scope: "main",
  fromEpoch,
  semanticVersions,
  policyVersions: ["1"],
});

test("an open epoch keeps its versions whatever is ordered, and closes by an order once (OPER-03, EPOC-04)", async () => {
  expect(await codeOf(rollout(1, "unpublished"))).toBe("GOVERNANCE_ACT_REFUSED");
  expect(await codeOf({ kind: "close_epoch", scope: "main", epoch: 1 })).toBe("GOVERNANCE_ACT_REFUSED");
  await order(rollout(1, "2026.1"));
  const request = { scope: "main", epoch: 1, by: "test" };
  await database.transaction(async (transaction) => await openEpoch(transaction, request, now));
  expect(await codeOf(rollout(1, "2026.2"))).toBe("VERSION_ROLLOUT_REFUSED");
  await order(rollout(2, "2026.1", "2026.2"));
  expect(await codeOf(rollout(2, "2026.1"))).toBe("VERSION_ROLLOUT_REFUSED");
  await order({ kind: "close_epoch", scope: "main", epoch: 1 });
  expect(await readEpoch(database, "main", 1)).toMatchObject({
    status: "closing",
    trigger: "order",
    semanticVersions: ["2026.1"],
  });
  expect(await codeOf({ kind: "close_epoch", scope: "main", epoch: 1 })).toBe("GOVERNANCE_ACT_REFUSED");
});

test("aggregations are ordered of open epochs, and verdicts go to who decides challenges, with the act (ATTR-10, CHAL-05)", async () => {
  asked.length = 0;
  await order({ kind: "order_aggregation", scope: "main", epoch: 1 });
  expect(await codeOf({ kind: "order_aggregation", scope: "main", epoch: 2 })).toBe("GOVERNANCE_ACT_REFUSED");
  const challengeId: Hex = `0x${"cc".repeat(32)}`;
  const { actId } = await order({ kind: "decide_challenge", challengeId, round: 1, upheld: true, penalty: false });
  expect(asked.at(-1)).toMatchObject({ challengeId, round: 1, upheld: true, penalty: false, by: board.address, actId });
});

test("a candidate of a final root is promoted to a proposed attribute, once it meets the policy (ATTR-11)", async () => {
  const version = "promoting";
  const candidateId: Hex = `0x${"aa".repeat(32)}`;
  const attribute = proposalIn(version, "trade.sales/hue");
  const promotion = { kind: "promote_candidate", semanticVersion: version, candidateId, attribute } as const;
  await order({ kind: "open_version", semanticVersion: version, base: "2026.1" });
  expect(await codeOf(promotion)).toBe("GOVERNANCE_ACT_REFUSED");
  candidates.set(candidateId, {
    schemaVersion: "1.0",
    candidateId,
    scope: "main",
    epoch: 1,
    windowFrom: 1,
    domainId: "trade.sales",
    name: "hue",
    valueKind: "text",
    coverage: 1,
    vaults: 2,
    frequency: 10_000,
    stability: 10_000,
    windows: 1,
    conflicts: [],
    aliases: [],
    evidenceHash: `0x${"ee".repeat(32)}`,
  });
  await expect(order(promotion)).rejects.toMatchObject({
    code: "GOVERNANCE_THRESHOLD_UNMET",
    detail: { candidateId, missing: ["coverage: 1 of 2"] },
  });
  await order({ ...promotion, coverageException: "the other vault joined last week" });
  expect((await readDraft(database, version))?.registry.attributes.at(-1)).toEqual(attribute);
  expect(await codeOf({ ...promotion, coverageException: "again" })).toBe("GOVERNANCE_ACT_REFUSED");
});
