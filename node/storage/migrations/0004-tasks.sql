-- Tasks and what was made of them. That an artifact's task is there is checked once, when it is written (work.guard_artifact,
-- ledger.guard_decision): nothing is ever taken away, and a reference would look up and lock its task row by row.

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
  task_id ledger.hash PRIMARY KEY,
  resolution_id ledger.hash NOT NULL,
  resolution text NOT NULL,
  body text NOT NULL
);

CREATE TABLE ledger.result (
  bundle_id ledger.hash NOT NULL,
  task_id ledger.hash PRIMARY KEY,
  executor ledger.address NOT NULL,
  bundle text NOT NULL,
  signature bytea NOT NULL,
  result text NOT NULL,
  transcript text NOT NULL,
  access_log text NOT NULL
);

CREATE TABLE ledger.decision (
  decision_id ledger.hash NOT NULL,
  task_id ledger.hash NOT NULL,
  bundle_id ledger.hash NOT NULL,
  verifier ledger.address NOT NULL,
  verdict text NOT NULL CHECK (verdict IN ('accepted', 'rejected', 'challenged')),
  body text NOT NULL,
  evidence text NOT NULL,
  signature bytea NOT NULL,
  -- A task has one result, and the result one bundle.
  PRIMARY KEY (task_id, verifier)
);

-- A decision is about the result of its task, and what has a result is a task. Results are searched for one by one, since a join
-- planned while the tables were small would read them whole ever after.
CREATE FUNCTION ledger.guard_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM added a LEFT JOIN LATERAL (
      SELECT r.bundle_id FROM ledger.result r WHERE r.task_id = a.task_id LIMIT 1) r ON true
             WHERE r.bundle_id IS DISTINCT FROM a.bundle_id) THEN
    RAISE EXCEPTION 'ledger.decision: the task has no result with this bundle' USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER guard AFTER INSERT ON ledger.decision
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger.guard_decision();
