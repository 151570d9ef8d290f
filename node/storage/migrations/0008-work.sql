-- Work in progress: what is being done now. Mutable, and rebuilt from the ledger if it is lost.

CREATE SCHEMA work;

CREATE TABLE work.task (
  task_id ledger.hash NOT NULL REFERENCES ledger.task,
  scope ledger.name NOT NULL,
  submitter ledger.address NOT NULL,
  state text NOT NULL CHECK (state IN ('accepted', 'resolving', 'dispatched', 'verifying', 'awaiting_settlement',
    'completed', 'challenged', 'rejected', 'timed_out')),
  schema_version text NOT NULL,
  semantic_version text NOT NULL,
  policy_version text NOT NULL,
  moves integer NOT NULL DEFAULT 1 CHECK (moves > 0),
  attempt integer NOT NULL DEFAULT 0,
  fence bigint NOT NULL DEFAULT 0,
  holder text,
  held_until timestamptz,
  due_at timestamptz NOT NULL,
  deadline_at timestamptz,
  -- The epoch it is a member of, until it is deferred from it.
  epoch bigint,
  arrival bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY
) WITH (fillfactor = 70);
-- A task is looked up by its id among those under way, which are few whatever lies behind, or among those that have ended. One
-- index over all would cost every move of a task a page of its own, since ids are hashes. Each id is in the ledger once.
CREATE UNIQUE INDEX task_under_way ON work.task (task_id) WHERE state NOT IN ('completed', 'rejected', 'timed_out');
CREATE UNIQUE INDEX task_ended ON work.task (task_id) WHERE state IN ('completed', 'rejected', 'timed_out');
CREATE INDEX task_due ON work.task (state, due_at)
  WHERE state IN ('accepted', 'resolving', 'dispatched', 'verifying');
CREATE INDEX task_deadline ON work.task (deadline_at)
  WHERE state IN ('accepted', 'resolving', 'dispatched', 'verifying');
-- Verified and not a member of an epoch, in order of arrival. Members of epochs that are not settled yet are not in it, so that
-- finding the next ones costs the same however many wait.
CREATE INDEX task_unassigned ON work.task (scope, arrival) WHERE state = 'awaiting_settlement' AND epoch IS NULL;
CREATE INDEX task_by_submitter ON work.task (submitter, arrival);

CREATE VIEW work.any_task AS
  SELECT * FROM work.task WHERE state NOT IN ('completed', 'rejected', 'timed_out')
  UNION ALL SELECT * FROM work.task WHERE state IN ('completed', 'rejected', 'timed_out');

-- What is made of a task is made of one that is there; looked up one by one, since a plan outlives the size that it was made for.
CREATE FUNCTION work.guard_artifact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM added a LEFT JOIN LATERAL (
      SELECT true AS known FROM work.any_task t WHERE t.task_id = a.task_id LIMIT 1) t ON true WHERE known IS NULL) THEN
    RAISE EXCEPTION 'ledger.%: no such task', TG_TABLE_NAME USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER guard AFTER INSERT ON ledger.assignment
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION work.guard_artifact();
CREATE TRIGGER guard AFTER INSERT ON ledger.result
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION work.guard_artifact();

CREATE TABLE work.balance (
  account text PRIMARY KEY,
  amount numeric(38, 0) NOT NULL,
  may_go_negative boolean NOT NULL DEFAULT false,
  CHECK (may_go_negative OR amount >= 0)
) WITH (fillfactor = 50);

CREATE TABLE work.quota (
  submitter ledger.address NOT NULL,
  window_start timestamptz NOT NULL,
  tasks bigint NOT NULL CHECK (tasks >= 0),
  PRIMARY KEY (submitter, window_start)
) WITH (fillfactor = 50);

CREATE TABLE work.epoch (
  scope ledger.name NOT NULL,
  epoch bigint NOT NULL CHECK (epoch > 0),
  status text NOT NULL CHECK (status IN ('open', 'closing', 'closed')),
  open_at timestamptz NOT NULL,
  close_at timestamptz,
  trigger text CHECK (trigger IN ('time', 'volume', 'order')),
  semantic_version_set text[] NOT NULL,
  policy_version_set text[] NOT NULL,
  members bigint NOT NULL DEFAULT 0,
  verifications bigint NOT NULL DEFAULT 0,
  -- What was frozen when it closed: members left for a later epoch, members that had ended otherwise, penalties to be taken,
  -- and summaries of local attributes with the first epoch of their window.
  deferred bigint NOT NULL DEFAULT 0,
  resolved bigint NOT NULL DEFAULT 0,
  penalties bigint NOT NULL DEFAULT 0,
  entries bigint NOT NULL DEFAULT 0,
  window_from bigint,
  CHECK ((status = 'open') = (trigger IS NULL)),
  CHECK ((status = 'closed') = (close_at IS NOT NULL)),
  PRIMARY KEY (scope, epoch)
);
CREATE UNIQUE INDEX one_open_epoch ON work.epoch (scope) WHERE status <> 'closed';

CREATE FUNCTION work.guard_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR OLD.status = 'closed' OR (OLD.status, NEW.status) IN (('closing', 'open'), ('open', 'closed')) THEN
    RAISE EXCEPTION 'epoch %/% is %: change refused', OLD.scope, OLD.epoch, OLD.status USING ERRCODE = 'SC002';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON work.epoch FOR EACH ROW EXECUTE FUNCTION work.guard_epoch();

CREATE FUNCTION work.guard_membership() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- Nobody closes an epoch while members are being added to it.
  PERFORM 1 FROM work.epoch WHERE (scope, epoch) IN (SELECT scope, epoch FROM added) FOR SHARE;
  IF EXISTS (SELECT 1 FROM added LEFT JOIN work.epoch USING (scope, epoch)
             WHERE epoch.status IS DISTINCT FROM 'open') THEN
    RAISE EXCEPTION 'an epoch that is not open takes no members' USING ERRCODE = 'SC002';
  END IF;
  IF EXISTS (SELECT FROM added a LEFT JOIN LATERAL (
      SELECT true AS known FROM work.any_task t WHERE t.task_id = a.task_id LIMIT 1) t ON true WHERE known IS NULL) THEN
    RAISE EXCEPTION 'ledger.epoch_member: no such task' USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER guard AFTER INSERT ON ledger.epoch_member
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION work.guard_membership();

-- What was settled is not deferred, and what an epoch has not closed over neither.
CREATE FUNCTION work.guard_deferral() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM added a JOIN ledger.settlement_item i USING (task_id, scope, epoch)
               JOIN ledger.finalized f USING (scope, epoch, revision))
     OR EXISTS (SELECT 1 FROM added a LEFT JOIN ledger.epoch_member m USING (task_id, turn, scope, epoch)
                  LEFT JOIN work.epoch e USING (scope, epoch)
                WHERE m.task_id IS NULL OR e.status IS NULL OR e.status = 'open') THEN
    RAISE EXCEPTION 'only members that their closed epoch did not settle are deferred' USING ERRCODE = 'SC003';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER guard AFTER INSERT ON ledger.deferral
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION work.guard_deferral();

-- A candidate holds members of its epoch that wait for settlement, and nothing else.
CREATE FUNCTION work.guard_item() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM added a LEFT JOIN ledger.epoch_member m USING (scope, epoch, task_id)
               LEFT JOIN LATERAL (SELECT true AS waits FROM work.task t
                 WHERE t.task_id = a.task_id AND t.state = 'awaiting_settlement' LIMIT 1) t ON true
             WHERE m.task_id IS NULL OR waits IS NULL
               OR EXISTS (SELECT 1 FROM ledger.deferral d WHERE (d.task_id, d.turn) = (m.task_id, m.turn))) THEN
    RAISE EXCEPTION 'a candidate holds only members of its epoch that wait for settlement' USING ERRCODE = 'SC003';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER guard AFTER INSERT ON ledger.settlement_item
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION work.guard_item();

CREATE TABLE work.settlement (
  scope ledger.name NOT NULL,
  epoch bigint NOT NULL,
  revision integer NOT NULL CHECK (revision > 0),
  state text NOT NULL CHECK (state IN ('collecting', 'verifying_inputs', 'candidate_ready', 'finalizing',
    'finalized', 'failed')),
  failure text,
  due_at timestamptz NOT NULL,
  -- When its candidate was given to the anchor: from then on the chain's verdict decides challenges of it.
  given_at timestamptz,
  CHECK ((state = 'failed') = (failure IS NOT NULL)),
  PRIMARY KEY (scope, epoch, revision)
);
CREATE UNIQUE INDEX one_live_settlement ON work.settlement (scope, epoch) WHERE state <> 'failed';

CREATE FUNCTION work.guard_settlement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR OLD.state IN ('finalized', 'failed') THEN
    RAISE EXCEPTION 'settlement %/% revision % is %: change refused', OLD.scope, OLD.epoch, OLD.revision, OLD.state
      USING ERRCODE = 'SC003';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON work.settlement
  FOR EACH ROW EXECUTE FUNCTION work.guard_settlement();

-- A task that reached an end stays there.
CREATE FUNCTION work.guard_task() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a task that is % stays there', OLD.state USING ERRCODE = 'SC004';
END $$;
CREATE TRIGGER guard BEFORE UPDATE ON work.task FOR EACH ROW
  WHEN (OLD.state IN ('completed', 'rejected', 'timed_out')) EXECUTE FUNCTION work.guard_task();

-- Challenges as they stand; `resume` is where the task goes back to. One at a time is under way against a task.
CREATE TABLE work.challenge (
  challenge_id ledger.hash PRIMARY KEY REFERENCES ledger.challenge,
  task_id ledger.hash NOT NULL,
  scope ledger.name NOT NULL,
  state text NOT NULL CHECK (state IN ('opened', 'reviewing', 'confirmed', 'not_confirmed', 'approved',
    'closed_without_penalty', 'penalty_recorded', 'reopened')),
  round integer NOT NULL DEFAULT 1 CHECK (round > 0),
  resume text CHECK (resume IN ('verifying', 'awaiting_settlement')),
  fence bigint NOT NULL DEFAULT 0,
  holder text,
  held_until timestamptz,
  due_at timestamptz NOT NULL,
  attempt integer NOT NULL DEFAULT 0,
  arrival bigint GENERATED ALWAYS AS IDENTITY
);
CREATE UNIQUE INDEX one_live_challenge ON work.challenge (task_id)
  WHERE state IN ('opened', 'reviewing', 'confirmed', 'not_confirmed', 'reopened');
CREATE INDEX challenge_due ON work.challenge (due_at) WHERE state IN ('opened', 'reviewing', 'reopened');

CREATE FUNCTION work.guard_challenge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a challenge that is % stays there', OLD.state USING ERRCODE = 'SC005';
END $$;
CREATE TRIGGER guard BEFORE UPDATE ON work.challenge FOR EACH ROW
  WHEN (OLD.state = 'penalty_recorded') EXECUTE FUNCTION work.guard_challenge();

-- A vault's own pool of words that no registry knows: exact counts, for nobody but the node (ATTR-09, ATTR-12).
CREATE TABLE work.local_attribute (
  vault ledger.name NOT NULL,
  collection ledger.name NOT NULL,
  epoch bigint NOT NULL CHECK (epoch >= 0),
  name text NOT NULL,
  value_kind text NOT NULL CHECK (value_kind IN ('text', 'integer', 'decimal')),
  occurrences bigint NOT NULL CHECK (occurrences > 0),
  PRIMARY KEY (vault, collection, epoch, name, value_kind)
) WITH (fillfactor = 50);

CREATE TABLE work.local_volume (
  vault ledger.name NOT NULL,
  collection ledger.name NOT NULL,
  epoch bigint NOT NULL CHECK (epoch >= 0),
  records bigint NOT NULL CHECK (records > 0),
  PRIMARY KEY (vault, collection, epoch)
) WITH (fillfactor = 50);

-- Orders that an epoch end an aggregation window when it closes.
CREATE TABLE work.aggregation_order (
  scope ledger.name NOT NULL,
  epoch bigint NOT NULL,
  PRIMARY KEY (scope, epoch)
);

-- Effects waiting to be delivered, idempotent by key.
CREATE TABLE work.outbox (
  key text PRIMARY KEY,
  topic text NOT NULL,
  body text NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  due_at timestamptz NOT NULL,
  delivered_at timestamptz,
  last_error text
);
CREATE INDEX outbox_due ON work.outbox (topic, due_at) WHERE delivered_at IS NULL;

-- Single writers: who holds a named duty, until when, under which fencing number.
CREATE TABLE work.duty (
  duty text PRIMARY KEY,
  holder text NOT NULL,
  held_until timestamptz NOT NULL,
  fence bigint NOT NULL
);

-- Transactions the node sends itself (anchoring): one nonce per intent, persisted before broadcast. An outcome is set once
-- blocks deep enough show it, and taken back when a reorganization removes them.
CREATE TABLE work.chain_transaction (
  intent text PRIMARY KEY,
  chain_id bigint NOT NULL,
  sender ledger.address NOT NULL,
  nonce bigint NOT NULL CHECK (nonce >= 0),
  since_block bigint NOT NULL CHECK (since_block >= 0),
  outcome text,
  UNIQUE (chain_id, sender, nonce)
);
CREATE INDEX live_transaction ON work.chain_transaction (chain_id, sender, nonce) WHERE outcome IS NULL;

-- The signed forms of a transaction, oldest first.
CREATE TABLE work.chain_attempt (
  intent text NOT NULL REFERENCES work.chain_transaction,
  attempt integer NOT NULL CHECK (attempt > 0),
  hash ledger.hash NOT NULL UNIQUE,
  raw bytea NOT NULL,
  signed_at timestamptz NOT NULL,
  PRIMARY KEY (intent, attempt)
);

-- How far the events of a contract were followed: the latest checkpoints, to find common ground after a reorganization.
CREATE TABLE work.chain_cursor (
  contract ledger.address PRIMARY KEY,
  body text NOT NULL
);

-- Operator tokens: only their digest is kept.
CREATE TABLE work.token (
  digest ledger.hash PRIMARY KEY,
  subject text NOT NULL,
  scopes text[] NOT NULL,
  until timestamptz NOT NULL,
  revoked_at timestamptz
);

GRANT USAGE ON SCHEMA work TO scs_node, scs_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA work TO scs_node;
REVOKE DELETE ON work.task, work.balance, work.epoch, work.settlement, work.challenge, work.chain_transaction,
  work.chain_attempt FROM scs_node;
GRANT SELECT ON work.task, work.any_task, work.balance, work.epoch, work.settlement, work.challenge, work.chain_transaction,
  work.chain_attempt TO scs_reader;
