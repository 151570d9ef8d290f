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
