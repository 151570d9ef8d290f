// What an item's records are owed for, and what they cost: to the last record, to the last base unit.
import type { Policy } from "#protocol/schemas/policy.ts";
import type { ArchivedItem } from "#protocol/schemas/settlement.ts";
import { Disproof, same } from "./disproof.ts";
import { account, count, members } from "./shape.ts";

const contributionMembers = ["operator", "producers", "records", "vault"];
const producerMembers = ["account", "records"];

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** What was read is owed to somebody to the last record, and costs what policy says. */
export function checkUnits(policy: Policy, item: ArchivedItem, place: string): void {
  const { assignment, bundle, contributions, envelope } = item;
  const { units, fee } = bundle;
  same(`${place}.contributions.length`, contributions.length, assignment.bindings.length);
  for (const [at, contribution] of contributions.entries()) {
    const here = `${place}.contributions[${at}]`;
    members(here, contribution, contributionMembers);
    const { vault, operator, records, producers } = contribution;
    account(`${here}.operator`, operator);
    const snapshot = assignment.bindings[at]?.snapshot;
    same(`${here}.vault`, vault, snapshot?.vault);
    same(`${here}.records`, records, snapshot?.size);
    for (const [index, producer] of producers.entries()) {
      const own = `${here}.producers[${index}]`;
      members(own, producer, producerMembers);
      account(`${own}.account`, producer.account);
      // One below zero would let the others have more than was read.
      count(`${own}.records`, producer.records);
    }
    const given = producers.map((each) => each.records);
    same(`${here}.producers`, sum(given), records);
    const accounts = producers.map((each) => each.account);
    same(`${here}.producers ascend`, accounts, [...new Set(accounts)].sort());
  }
  const total = sum(contributions.map(({ records }) => records));
  same(`${place}.bundle.units.records`, units.records, total);
  const vaults = [...new Set(contributions.map(({ vault }) => vault))].sort().map((vault) => {
    const own = contributions.filter((each) => each.vault === vault);
    return { vault, records: sum(own.map(({ records }) => records)) };
  });
  const claimed = [...units.vaults].sort((a, b) => (a.vault > b.vault ? 1 : -1));
  same(`${place}.bundle.units.vaults`, claimed, vaults);
  same(`${place}.bundle.fee`, fee, assignment.fee);
  if (BigInt(fee) > BigInt(envelope.feeLimit)) throw new Disproof(`${place}.bundle.fee`, fee, envelope.feeLimit);
  const { base, perThousandRecords } = policy.fees;
  const begun = (BigInt(units.records) + 999n) / 1000n;
  same(`${place}.bundle.fee`, fee, `${BigInt(base) + BigInt(perThousandRecords) * begun}`);
}
