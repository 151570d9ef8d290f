-- The ledger: what happened. Append-only; the node's role can insert and read, and a trigger refuses anything else.

CREATE SCHEMA ledger;

CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'ledger.% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'SC001';
END $$;

CREATE DOMAIN ledger.hash AS bytea CHECK (octet_length(VALUE) = 32);
CREATE DOMAIN ledger.address AS bytea CHECK (octet_length(VALUE) = 20);
CREATE DOMAIN ledger.amount AS numeric(38, 0) CHECK (VALUE >= 0);
CREATE DOMAIN ledger.name AS text CHECK (VALUE ~ '^[a-z0-9][a-z0-9-]{0,63}$');

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

-- Vaults: collections, records, consent.
CREATE TABLE ledger.collection (
  vault ledger.name NOT NULL,
  collection ledger.name NOT NULL,
  operator ledger.address NOT NULL,
  fields text NOT NULL,
  -- The scope whose epochs its pool of local attributes is counted in.
  aggregation_scope ledger.name,
  wrapped_key bytea NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (vault, collection)
);
CREATE INDEX collection_by_aggregation_scope ON ledger.collection (aggregation_scope) WHERE aggregation_scope IS NOT NULL;

CREATE TABLE ledger.record (
  vault ledger.name NOT NULL,
  collection ledger.name NOT NULL,
  position bigint NOT NULL CHECK (position >= 0),
  record_id text NOT NULL,
  producer ledger.address NOT NULL,
  commitment ledger.hash NOT NULL,
  wrapped_key bytea NOT NULL,
  ciphertext bytea NOT NULL,
  PRIMARY KEY (vault, collection, position),
  UNIQUE (vault, collection, record_id),
  FOREIGN KEY (vault, collection) REFERENCES ledger.collection
);

-- The first `size` records of a collection, committed to by a running digest.
CREATE TABLE ledger.snapshot (
  vault ledger.name NOT NULL,
  collection ledger.name NOT NULL,
  size bigint NOT NULL CHECK (size > 0),
  digest ledger.hash NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (vault, collection, size),
  FOREIGN KEY (vault, collection) REFERENCES ledger.collection
);

CREATE TABLE ledger.vault_grant (
  grant_id ledger.hash PRIMARY KEY,
  vault ledger.name NOT NULL,
  collection ledger.name NOT NULL,
  grantee ledger.address NOT NULL,
  programs text[] NOT NULL,
  until timestamptz NOT NULL,
  body text NOT NULL,
  signature bytea,
  at timestamptz NOT NULL,
  FOREIGN KEY (vault, collection) REFERENCES ledger.collection
);
CREATE INDEX vault_grant_by_grantee ON ledger.vault_grant (grantee, vault, collection);

CREATE TABLE ledger.grant_revocation (
  grant_id ledger.hash PRIMARY KEY REFERENCES ledger.vault_grant,
  at timestamptz NOT NULL
);

-- Tasks and what was made of them.
CREATE TABLE ledger.task (
  task_id ledger.hash PRIMARY KEY,
  scope ledger.name NOT NULL,
  submitter ledger.address NOT NULL,
  idempotency_key text NOT NULL,
  envelope text NOT NULL,
  signature bytea,
  fee_limit ledger.amount NOT NULL,
  accepted_at timestamptz NOT NULL,
  UNIQUE (submitter, idempotency_key)
);

CREATE TABLE ledger.assignment (
  task_id ledger.hash PRIMARY KEY REFERENCES ledger.task,
  resolution_id ledger.hash NOT NULL,
  resolution text NOT NULL,
  body text NOT NULL
);

CREATE TABLE ledger.result (
  bundle_id ledger.hash PRIMARY KEY,
  task_id ledger.hash NOT NULL UNIQUE REFERENCES ledger.task,
  executor ledger.address NOT NULL,
  bundle text NOT NULL,
  signature bytea NOT NULL,
  result text NOT NULL,
  transcript text NOT NULL,
  access_log text NOT NULL
);

CREATE TABLE ledger.decision (
  decision_id ledger.hash PRIMARY KEY,
  task_id ledger.hash NOT NULL REFERENCES ledger.task,
  bundle_id ledger.hash NOT NULL REFERENCES ledger.result,
  verifier ledger.address NOT NULL,
  verdict text NOT NULL CHECK (verdict IN ('accepted', 'rejected', 'challenged')),
  body text NOT NULL,
  evidence text NOT NULL,
  signature bytea NOT NULL,
  UNIQUE (task_id, bundle_id, verifier)
);

-- The journal: every act, in the order of commit; sealed in batches under a hash chain.
CREATE TABLE ledger.journal (
  transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
  entry_no bigint GENERATED ALWAYS AS IDENTITY,
  kind text NOT NULL,
  subject bytea NOT NULL,
  body text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (transaction_id, entry_no)
);
CREATE INDEX journal_by_subject ON ledger.journal (subject, entry_no);

CREATE TABLE ledger.journal_batch (
  batch_no bigint PRIMARY KEY CHECK (batch_no > 0),
  last_transaction_id xid8 NOT NULL,
  last_entry_no bigint NOT NULL,
  entries integer NOT NULL CHECK (entries > 0),
  tree_size bigint NOT NULL,
  root ledger.hash NOT NULL,
  frontier bytea NOT NULL,
  previous ledger.hash NOT NULL,
  hash ledger.hash NOT NULL UNIQUE,
  sealed_at timestamptz NOT NULL
);

-- Double-entry accounting: every row debits one account and credits another.
CREATE TABLE ledger.posting (
  posting_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('deposit', 'reserve', 'release', 'spend', 'subsidy', 'reward', 'payout',
    'penalty')),
  debit text NOT NULL,
  credit text NOT NULL,
  amount ledger.amount NOT NULL CHECK (amount > 0),
  reference text NOT NULL,
  at timestamptz NOT NULL,
  CHECK (debit <> credit),
  UNIQUE (kind, reference, debit, credit)
);

-- Epochs and settlements. A task is a member of one epoch of its scope, and of a later one only once it was deferred from
-- every one before: `turn` counts them.
CREATE TABLE ledger.epoch_member (
  task_id ledger.hash NOT NULL REFERENCES ledger.task,
  turn integer NOT NULL CHECK (turn > 0),
  scope ledger.name NOT NULL,
  epoch bigint NOT NULL CHECK (epoch > 0),
  PRIMARY KEY (task_id, turn),
  UNIQUE (scope, epoch, task_id)
);

-- Members that their epoch's settlement left for a later one, and why (EPOC-05).
CREATE TABLE ledger.deferral (
  task_id ledger.hash NOT NULL,
  turn integer NOT NULL,
  scope ledger.name NOT NULL,
  epoch bigint NOT NULL,
  reason text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (task_id, turn),
  FOREIGN KEY (task_id, turn) REFERENCES ledger.epoch_member
);
CREATE INDEX deferral_by_epoch ON ledger.deferral (scope, epoch);

-- What leaves vaults about local attributes, once a window; and what a window was made of.
CREATE TABLE ledger.aggregation (
  scope ledger.name NOT NULL,
  epoch bigint NOT NULL CHECK (epoch > 0),
  window_from bigint NOT NULL CHECK (window_from > 0 AND window_from <= epoch),
  trigger text NOT NULL CHECK (trigger IN ('window', 'order')),
  at timestamptz NOT NULL,
  PRIMARY KEY (scope, epoch)
);

CREATE TABLE ledger.local_summary (
  scope ledger.name NOT NULL,
  epoch bigint NOT NULL,
  vault ledger.name NOT NULL,
  collection ledger.name NOT NULL,
  name text NOT NULL,
  value_kind text NOT NULL CHECK (value_kind IN ('text', 'integer', 'decimal')),
  body text NOT NULL,
  PRIMARY KEY (scope, epoch, vault, collection, name, value_kind),
  FOREIGN KEY (scope, epoch) REFERENCES ledger.aggregation,
  FOREIGN KEY (vault, collection) REFERENCES ledger.collection
);
CREATE INDEX local_summary_by_collection ON ledger.local_summary (vault, collection, name, value_kind, epoch);

CREATE TABLE ledger.candidate (
  scope ledger.name NOT NULL,
  epoch bigint NOT NULL,
  revision integer NOT NULL CHECK (revision > 0),
  root ledger.hash NOT NULL,
  header text NOT NULL,
  sub_roots text NOT NULL,
  archive ledger.hash NOT NULL,
  item_count bigint NOT NULL,
  payout_count bigint NOT NULL,
  payout_total ledger.amount NOT NULL,
  pot ledger.amount NOT NULL,
  journal_batch bigint REFERENCES ledger.journal_batch,
  built_at timestamptz NOT NULL,
  PRIMARY KEY (scope, epoch, revision)
);

CREATE TABLE ledger.settlement_item (
  scope ledger.name NOT NULL,
  epoch bigint NOT NULL,
  revision integer NOT NULL,
  index integer NOT NULL CHECK (index >= 0),
  task_id ledger.hash NOT NULL REFERENCES ledger.task,
  PRIMARY KEY (scope, epoch, revision, index),
  UNIQUE (task_id, scope, epoch, revision),
  FOREIGN KEY (scope, epoch, revision) REFERENCES ledger.candidate
);

CREATE TABLE ledger.reward (
  reward_id ledger.hash NOT NULL,
  scope ledger.name NOT NULL,
  epoch bigint NOT NULL,
  revision integer NOT NULL,
  index integer NOT NULL CHECK (index >= 0),
  account ledger.address NOT NULL,
  role text NOT NULL CHECK (role IN ('producer', 'vault', 'executor', 'verifier', 'treasury')),
  amount ledger.amount NOT NULL,
  body text NOT NULL,
  PRIMARY KEY (scope, epoch, revision, index),
  UNIQUE (reward_id, revision),
  FOREIGN KEY (scope, epoch, revision) REFERENCES ledger.candidate
);
CREATE INDEX reward_by_account ON ledger.reward (account, scope, epoch);

CREATE TABLE ledger.payout_leaf (
  scope ledger.name NOT NULL,
  epoch bigint NOT NULL,
  revision integer NOT NULL,
  index integer NOT NULL CHECK (index >= 0),
  payout_id ledger.hash NOT NULL,
  account ledger.address NOT NULL,
  amount ledger.amount NOT NULL CHECK (amount > 0),
  PRIMARY KEY (scope, epoch, revision, index),
  FOREIGN KEY (scope, epoch, revision) REFERENCES ledger.candidate
);
CREATE INDEX payout_leaf_by_account ON ledger.payout_leaf (account, scope, epoch);

-- Candidates for attributes that a candidate settlement's root commits to.
CREATE TABLE ledger.local_candidate (
  scope ledger.name NOT NULL,
  epoch bigint NOT NULL,
  revision integer NOT NULL,
  index integer NOT NULL CHECK (index >= 0),
  candidate_id ledger.hash NOT NULL,
  body text NOT NULL,
  PRIMARY KEY (scope, epoch, revision, index),
  UNIQUE (candidate_id, revision),
  FOREIGN KEY (scope, epoch, revision) REFERENCES ledger.candidate
);

-- Challenges: what was signed, the evidence of every round, what reviewers found, what was decided (CHAL-01…07).
CREATE TABLE ledger.challenge (
  challenge_id ledger.hash PRIMARY KEY,
  origin text NOT NULL CHECK (origin IN ('api', 'chain', 'disagreement')),
  task_id ledger.hash NOT NULL REFERENCES ledger.task,
  decision_id ledger.hash NOT NULL REFERENCES ledger.decision,
  scope ledger.name NOT NULL,
  epoch bigint,
  revision integer,
  root ledger.hash,
  challenger ledger.address NOT NULL,
  body text NOT NULL,
  signature bytea,
  at timestamptz NOT NULL,
  -- Only verifiers that disagree attack what no candidate holds yet (CHAL-02).
  CHECK ((origin = 'disagreement') = (epoch IS NULL)),
  CHECK ((epoch IS NULL) = (revision IS NULL) AND (epoch IS NULL) = (root IS NULL)),
  FOREIGN KEY (scope, epoch, revision) REFERENCES ledger.candidate
);
CREATE INDEX challenge_by_task ON ledger.challenge (task_id);
CREATE INDEX challenge_by_epoch ON ledger.challenge (scope, epoch);

CREATE TABLE ledger.challenge_evidence (
  challenge_id ledger.hash NOT NULL REFERENCES ledger.challenge,
  round integer NOT NULL CHECK (round > 0),
  evidence_hash ledger.hash NOT NULL,
  body text NOT NULL,
  signature bytea,
  at timestamptz NOT NULL,
  PRIMARY KEY (challenge_id, round),
  -- A closed challenge is reopened by new evidence only (CHAL-06).
  UNIQUE (challenge_id, evidence_hash)
);
CREATE INDEX challenge_evidence_by_hash ON ledger.challenge_evidence (evidence_hash);

CREATE TABLE ledger.challenge_review (
  challenge_id ledger.hash NOT NULL,
  round integer NOT NULL,
  verdict text NOT NULL CHECK (verdict IN ('confirmed', 'not_confirmed')),
  body text NOT NULL,
  signature bytea NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (challenge_id, round),
  FOREIGN KEY (challenge_id, round) REFERENCES ledger.challenge_evidence
);

CREATE TABLE ledger.challenge_decision (
  challenge_id ledger.hash NOT NULL,
  round integer NOT NULL,
  upheld boolean NOT NULL,
  penalty boolean NOT NULL,
  -- A governance act, or the transaction in which the anchor's adjudicator resolved it.
  act_id ledger.hash,
  transaction_hash ledger.hash,
  at timestamptz NOT NULL,
  PRIMARY KEY (challenge_id, round),
  CHECK (upheld OR NOT penalty),
  CHECK (num_nonnulls(act_id, transaction_hash) = 1),
  FOREIGN KEY (challenge_id, round) REFERENCES ledger.challenge_review
);

-- Decisions of verifiers that a dismissed disagreement overruled: they count no more (LAYR-16).
CREATE TABLE ledger.overruled_decision (
  decision_id ledger.hash PRIMARY KEY REFERENCES ledger.decision,
  challenge_id ledger.hash NOT NULL REFERENCES ledger.challenge
);

-- What accounts owe for upheld challenges, and how later epochs took it (RWRD-04).
CREATE TABLE ledger.penalty (
  penalty_id ledger.hash PRIMARY KEY,
  challenge_id ledger.hash NOT NULL REFERENCES ledger.challenge,
  scope ledger.name NOT NULL,
  account ledger.address NOT NULL,
  amount ledger.amount NOT NULL CHECK (amount > 0),
  body text NOT NULL,
  at timestamptz NOT NULL
);
CREATE INDEX penalty_by_scope ON ledger.penalty (scope, penalty_id);

-- The penalties that an epoch froze when it closed, as far as they were not taken then.
CREATE TABLE ledger.epoch_penalty (
  scope ledger.name NOT NULL,
  epoch bigint NOT NULL,
  penalty_id ledger.hash NOT NULL REFERENCES ledger.penalty,
  remaining ledger.amount NOT NULL CHECK (remaining > 0),
  PRIMARY KEY (scope, epoch, penalty_id)
);
CREATE INDEX epoch_penalty_by_penalty ON ledger.epoch_penalty (penalty_id);

-- `index` is that of the leaf, which stands after those of the rewards.
CREATE TABLE ledger.adjustment (
  scope ledger.name NOT NULL,
  epoch bigint NOT NULL,
  revision integer NOT NULL,
  index integer NOT NULL CHECK (index >= 0),
  adjustment_id ledger.hash NOT NULL,
  penalty_id ledger.hash NOT NULL,
  account ledger.address NOT NULL,
  beneficiary ledger.address NOT NULL,
  amount ledger.amount NOT NULL CHECK (amount > 0),
  body text NOT NULL,
  PRIMARY KEY (scope, epoch, revision, index),
  UNIQUE (adjustment_id, revision),
  CHECK (account <> beneficiary),
  FOREIGN KEY (scope, epoch, revision) REFERENCES ledger.candidate,
  FOREIGN KEY (scope, epoch, penalty_id) REFERENCES ledger.epoch_penalty
);
CREATE INDEX adjustment_by_penalty ON ledger.adjustment (penalty_id);
CREATE INDEX adjustment_by_account ON ledger.adjustment (account, scope, epoch);
CREATE INDEX adjustment_by_beneficiary ON ledger.adjustment (beneficiary, scope, epoch);

-- One finalized root per scope and epoch, for ever, each naming its predecessor.
CREATE TABLE ledger.finalized (
  scope ledger.name NOT NULL,
  epoch bigint NOT NULL CHECK (epoch > 0),
  revision integer NOT NULL,
  root ledger.hash NOT NULL,
  previous_root ledger.hash NOT NULL,
  block_number bigint NOT NULL,
  block_hash ledger.hash NOT NULL,
  transaction_hash ledger.hash NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (scope, epoch),
  FOREIGN KEY (scope, epoch, revision) REFERENCES ledger.candidate
);

DO $$
DECLARE each text;
BEGIN
  FOR each IN SELECT tablename FROM pg_tables WHERE schemaname = 'ledger' LOOP
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.%I
      FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()', each);
  END LOOP;
END $$;

GRANT USAGE ON SCHEMA ledger TO scs_node, scs_signer, scs_reader;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA ledger TO scs_node;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO scs_reader;
REVOKE ALL ON ledger.record FROM scs_reader;
GRANT SELECT (vault, collection, position, record_id, producer, commitment) ON ledger.record TO scs_reader;
GRANT SELECT ON ledger.finalized, ledger.candidate, ledger.payout_leaf TO scs_signer;
