-- Challenges: what was signed, the evidence of every round, what reviewers found, what was decided (CHAL-01…07), and
-- what is owed for those that were upheld.

CREATE TABLE ledger.challenge (
  challenge_id ledger.hash PRIMARY KEY,
  origin text NOT NULL CHECK (origin IN ('api', 'chain', 'disagreement')),
  task_id ledger.hash NOT NULL REFERENCES ledger.task,
  decision_id ledger.hash NOT NULL,
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

CREATE FUNCTION ledger.guard_challenge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM added a LEFT JOIN LATERAL (
      SELECT true AS known FROM ledger.decision d WHERE (d.task_id, d.decision_id) = (a.task_id, a.decision_id) LIMIT 1) d
      ON true WHERE known IS NULL) THEN
    RAISE EXCEPTION 'ledger.challenge: no such decision about the task' USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER guard AFTER INSERT ON ledger.challenge
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger.guard_challenge();

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
  decision_id ledger.hash PRIMARY KEY,
  challenge_id ledger.hash NOT NULL REFERENCES ledger.challenge
);

CREATE FUNCTION ledger.guard_overruling() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM added a LEFT JOIN LATERAL (
      SELECT true AS known FROM ledger.challenge c JOIN ledger.decision d USING (task_id)
      WHERE c.challenge_id = a.challenge_id AND d.decision_id = a.decision_id LIMIT 1) d ON true WHERE known IS NULL) THEN
    RAISE EXCEPTION 'ledger.overruled_decision: no such decision about the task of the challenge'
      USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER guard AFTER INSERT ON ledger.overruled_decision
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger.guard_overruling();

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
