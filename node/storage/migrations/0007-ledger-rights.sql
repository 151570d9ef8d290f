-- The ledger's guard and its readers: its tables are append-only, and each role sees what it needs. A later migration that adds
-- a table gives it both.

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
