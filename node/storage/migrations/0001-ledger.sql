-- The ledger: what happened, append-only. Its schema, the kinds of its columns, the journal of every act, and the accounts.

CREATE SCHEMA ledger;

CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'ledger.% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'SC001';
END $$;

CREATE DOMAIN ledger.hash AS bytea CHECK (octet_length(VALUE) = 32);
CREATE DOMAIN ledger.address AS bytea CHECK (octet_length(VALUE) = 20);
CREATE DOMAIN ledger.amount AS numeric(38, 0) CHECK (VALUE >= 0);
CREATE DOMAIN ledger.name AS text CHECK (VALUE ~ '^[a-z0-9][a-z0-9-]{0,63}$');

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
  CHECK (debit <> credit)
);
-- A reservation is made once for its task, whatever the accounts; it has an index of its own since every task has one and the
-- short entry is enough.
CREATE UNIQUE INDEX one_reservation ON ledger.posting (reference) WHERE kind = 'reserve';
CREATE UNIQUE INDEX one_posting ON ledger.posting (kind, reference, debit, credit) WHERE kind <> 'reserve';
