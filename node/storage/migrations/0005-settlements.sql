-- Epochs and settlements: members, local attributes, candidates with everything their roots commit to, and what is final.

-- A task is a member of one epoch of its scope, and of a later one only once it was deferred from every one before: `turn`
-- counts them. That the task is there is checked by work.guard_membership, and for an item of a candidate by work.guard_item.
CREATE TABLE ledger.epoch_member (
  task_id ledger.hash NOT NULL,
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
  task_id ledger.hash NOT NULL,
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
