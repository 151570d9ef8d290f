-- The treasury's own memory: written by the signer's role alone, which writes nothing else.

CREATE SCHEMA payout;

CREATE TABLE payout.instruction (
  payout_id ledger.hash PRIMARY KEY,
  scope ledger.name NOT NULL,
  epoch bigint NOT NULL,
  index integer NOT NULL,
  account ledger.address NOT NULL,
  amount ledger.amount NOT NULL CHECK (amount > 0),
  state text NOT NULL CHECK (state IN ('prepared', 'authorized', 'submitted', 'confirmed', 'reconciled', 'failed',
    'mismatched')),
  intent text,
  detail text,
  UNIQUE (scope, epoch, index),
  FOREIGN KEY (scope, epoch) REFERENCES ledger.finalized
);
CREATE INDEX instruction_by_state ON payout.instruction (state, scope, epoch, index);
CREATE INDEX instruction_by_account ON payout.instruction (account, scope, epoch);

-- Transactions the signer sends: one nonce per intent, persisted before broadcast. An outcome is set once
-- blocks deep enough show it, and taken back when a reorganization removes them.
CREATE TABLE payout.chain_transaction (
  intent text PRIMARY KEY,
  chain_id bigint NOT NULL,
  sender ledger.address NOT NULL,
  nonce bigint NOT NULL CHECK (nonce >= 0),
  since_block bigint NOT NULL CHECK (since_block >= 0),
  outcome text,
  UNIQUE (chain_id, sender, nonce)
);
CREATE INDEX live_transaction ON payout.chain_transaction (chain_id, sender, nonce) WHERE outcome IS NULL;

-- The signed forms of a transaction, oldest first.
CREATE TABLE payout.chain_attempt (
  intent text NOT NULL REFERENCES payout.chain_transaction,
  attempt integer NOT NULL CHECK (attempt > 0),
  hash ledger.hash NOT NULL UNIQUE,
  raw bytea NOT NULL,
  signed_at timestamptz NOT NULL,
  PRIMARY KEY (intent, attempt)
);

-- An operator asks for one more transaction after a dead one, whatever the automatic tries came to; append-only.
CREATE TABLE payout.retry (
  intent text PRIMARY KEY REFERENCES payout.chain_transaction,
  payout_id ledger.hash NOT NULL REFERENCES payout.instruction,
  asked_by text NOT NULL CHECK (asked_by <> ''),
  why text NOT NULL CHECK (why <> ''),
  at timestamptz NOT NULL
);

-- How far the events of a contract were followed: the latest checkpoints, to find common ground after a reorganization.
CREATE TABLE payout.chain_cursor (
  contract ledger.address PRIMARY KEY,
  body text NOT NULL
);

-- What the treasury contract was seen to pay; append-only: a reorganization adds a superseding row, and of an event's rows
-- the latest holds. With a foreign_scope, the hash of its scope, nothing is final here of what it pays: should that
-- become final, a row without one says that it was matched.
CREATE TABLE payout.event (
  event_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sequence bigint NOT NULL,
  block_number bigint NOT NULL,
  block_hash ledger.hash NOT NULL,
  transaction_hash ledger.hash NOT NULL,
  log_index integer NOT NULL,
  body text NOT NULL,
  superseded boolean NOT NULL DEFAULT false,
  foreign_scope ledger.hash,
  at timestamptz NOT NULL
);
CREATE INDEX event_by_place ON payout.event (block_hash, log_index, event_no);
CREATE INDEX event_by_height ON payout.event (block_number);
CREATE INDEX event_foreign ON payout.event (foreign_scope, event_no) WHERE foreign_scope IS NOT NULL;

-- Every step of every payout.
CREATE TABLE payout.journal (
  entry_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  payout_id ledger.hash NOT NULL,
  from_state text,
  to_state text NOT NULL,
  why text NOT NULL,
  at timestamptz NOT NULL
);
CREATE INDEX journal_by_payout ON payout.journal (payout_id, entry_no);
-- What was authorized within the last hour, however long the journal has become.
CREATE INDEX journal_authorized ON payout.journal (at) WHERE to_state = 'authorized';

CREATE TABLE payout.duty (
  duty text PRIMARY KEY,
  holder text NOT NULL,
  held_until timestamptz NOT NULL,
  fence bigint NOT NULL
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payout.journal
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payout.event
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payout.retry
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

CREATE FUNCTION payout.guard_instruction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (OLD.payout_id, OLD.scope, OLD.epoch, OLD.index, OLD.account, OLD.amount)
     IS DISTINCT FROM (NEW.payout_id, NEW.scope, NEW.epoch, NEW.index, NEW.account, NEW.amount) THEN
    RAISE EXCEPTION 'a payout instruction keeps its account and amount' USING ERRCODE = 'SC005';
  END IF;
  -- The moves of the published lifecycle, and no other.
  IF OLD.state <> NEW.state AND NOT (CASE OLD.state
    WHEN 'prepared' THEN NEW.state IN ('authorized', 'reconciled', 'mismatched')
    WHEN 'authorized' THEN NEW.state IN ('submitted', 'reconciled', 'mismatched')
    WHEN 'submitted' THEN NEW.state IN ('confirmed', 'reconciled', 'failed', 'mismatched')
    WHEN 'confirmed' THEN NEW.state IN ('reconciled', 'failed', 'mismatched')
    WHEN 'reconciled' THEN NEW.state = 'mismatched'
    WHEN 'failed' THEN NEW.state IN ('authorized', 'reconciled', 'mismatched')
    WHEN 'mismatched' THEN NEW.state IN ('authorized', 'reconciled')
  END) THEN
    RAISE EXCEPTION 'a payout that is % does not become %', OLD.state, NEW.state USING ERRCODE = 'SC006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE ON payout.instruction FOR EACH ROW EXECUTE FUNCTION payout.guard_instruction();

GRANT USAGE ON SCHEMA payout TO scs_node, scs_signer, scs_reader;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA payout TO scs_signer;
GRANT SELECT ON payout.instruction, payout.chain_transaction, payout.chain_attempt, payout.event, payout.journal, payout.retry TO scs_node, scs_reader;
