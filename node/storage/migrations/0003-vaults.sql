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
