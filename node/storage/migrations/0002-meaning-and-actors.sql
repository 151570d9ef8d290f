-- Meaning and actors: published documents, what scopes settle under, acts of governance, and who has which role.

-- Published documents: immutable under their version.
CREATE TABLE ledger.registry (
  semantic_version text PRIMARY KEY,
  digest ledger.hash NOT NULL,
  body text NOT NULL,
  published_at timestamptz NOT NULL,
  -- Which was published after which: each follows from the one before.
  sequence bigint GENERATED ALWAYS AS IDENTITY UNIQUE
);

CREATE TABLE ledger.policy (
  policy_version text PRIMARY KEY,
  digest ledger.hash NOT NULL,
  body text NOT NULL,
  published_at timestamptz NOT NULL
);

-- Which versions of both a scope settles tasks under, from an epoch on; under those that retire it takes no new ones.
CREATE TABLE ledger.rollout (
  scope ledger.name NOT NULL,
  from_epoch bigint NOT NULL CHECK (from_epoch > 0),
  semantic_versions text[] NOT NULL CHECK (cardinality(semantic_versions) > 0),
  policy_versions text[] NOT NULL CHECK (cardinality(policy_versions) > 0),
  ordered_at timestamptz NOT NULL,
  retiring_semantic_versions text[] NOT NULL DEFAULT '{}' CHECK (retiring_semantic_versions <@ semantic_versions),
  retiring_policy_versions text[] NOT NULL DEFAULT '{}' CHECK (retiring_policy_versions <@ policy_versions),
  PRIMARY KEY (scope, from_epoch)
);

-- Acts of governance, in their order.
CREATE TABLE ledger.governance_act (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  act_id ledger.hash NOT NULL UNIQUE,
  kind text NOT NULL,
  subject text NOT NULL,
  semantic_version text,
  by ledger.address NOT NULL,
  body text NOT NULL,
  signature bytea,
  at timestamptz NOT NULL
);
CREATE INDEX governance_act_by_subject ON ledger.governance_act (subject, sequence);
CREATE INDEX governance_act_by_version ON ledger.governance_act (semantic_version, sequence);

-- Actors and their roles; the latest row of a pair holds.
CREATE TABLE ledger.actor_role (
  address ledger.address NOT NULL,
  role text NOT NULL CHECK (role IN ('data_producer', 'task_submitter', 'vault_operator', 'executor', 'verifier',
    'challenger', 'governance', 'treasury', 'auditor')),
  sequence integer NOT NULL CHECK (sequence > 0),
  held boolean NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (address, role, sequence)
);

CREATE VIEW ledger.actor AS
  SELECT DISTINCT ON (address, role) address, role, held FROM ledger.actor_role ORDER BY address, role, sequence DESC;
