// What a roll-out may leave out: no task may be left behind under a version that no epoch holds any more.

/** Versions of both kinds. */
export type Versions = { readonly semanticVersions: readonly string[]; readonly policyVersions: readonly string[] };

/** The versions that a scope settles tasks under from an epoch on; under those that retire it takes no new ones (OPER-03). */
export type Rollout = Versions & { readonly fromEpoch: number; readonly retiring?: Versions | undefined };

const without = (versions: readonly string[], others: readonly string[] = []): readonly string[] =>
  versions.filter((version) => !others.includes(version));

/** The versions that another does not have. */
export const less = (one: Versions, other: Versions | undefined): Versions => ({
  semanticVersions: without(one.semanticVersions, other?.semanticVersions),
  policyVersions: without(one.policyVersions, other?.policyVersions),
});

/** Versions as words, for whoever reads a refusal. */
export const namesOf = ({ semanticVersions, policyVersions }: Versions): readonly string[] => [
  ...semanticVersions.map((version) => `semantic ${version}`),
  ...policyVersions.map((version) => `policy ${version}`),
];

const union = (all: readonly Versions[]): Versions => ({
  semanticVersions: [...new Set(all.flatMap(({ semanticVersions }) => semanticVersions))].sort(),
  policyVersions: [...new Set(all.flatMap(({ policyVersions }) => policyVersions))].sort(),
});

/** The versions of a roll-out under which tasks are taken. */
const takenUnder = (rollout: Rollout): Versions => less(rollout, rollout.retiring);

/** What a roll-out that is ordered among others leaves out. */
export type Dropping = {
  /** Versions that a roll-out before it has, and it has not: no task under them may go on. */
  readonly dropped: Versions;
  /** Of what it drops, or what one after it drops of its own: versions under which tasks are taken until then. */
  readonly stillTaken: Versions;
};

/** What an ordered roll-out leaves out, against those in force and those ordered for other epochs. */
export function droppedBy(ordered: Rollout, others: readonly Rollout[]): Dropping {
  const before = others.filter(({ fromEpoch }) => fromEpoch < ordered.fromEpoch);
  const after = others.filter(({ fromEpoch }) => fromEpoch > ordered.fromEpoch);
  return {
    dropped: union(before.map((each) => less(each, ordered))),
    stillTaken: union([
      ...before.map((each) => less(takenUnder(each), ordered)),
      ...after.map((each) => less(takenUnder(ordered), each)),
    ]),
  };
}
