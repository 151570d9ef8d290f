// The schema dump: the same text on every version of PostgreSQL, another text after every change, nothing left out silently.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDatabase, withClient } from "#storage/database.ts";
import { dumpSchema } from "#storage/schema-dump.ts";
import { createTestDatabase, type TestDatabase } from "#test/setup/database.ts";

const migration = `
  CREATE SCHEMA zoo;
  GRANT USAGE ON SCHEMA zoo TO scs_reader;
  CREATE DOMAIN zoo.weight AS numeric(38,0) NOT NULL CHECK (VALUE > 0) CHECK (VALUE < 10);
  CREATE FUNCTION zoo.feed(food text, grams int DEFAULT 5) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT grams $$;
  GRANT EXECUTE ON FUNCTION zoo.feed TO scs_node;
  CREATE FUNCTION zoo.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
  CREATE TABLE zoo.cage (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    doors int DEFAULT 1 + 1 CHECK (doors IN (1, 2, 3)),
    area numeric GENERATED ALWAYS AS (doors * 2) STORED,
    UNIQUE (name, doors)
  ) WITH (fillfactor = 70);
  CREATE TABLE zoo."Animal" (cage bigint NOT NULL REFERENCES zoo.cage, kilos zoo.weight, tags text[] NOT NULL DEFAULT '{}');
  CREATE INDEX animal_by_cage ON zoo."Animal" (cage DESC) WHERE kilos > 2;
  CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON zoo."Animal" FOR EACH STATEMENT EXECUTE FUNCTION zoo.refuse();
  CREATE VIEW zoo.light AS SELECT cage, kilos FROM zoo."Animal" a WHERE a.kilos < 3;
  CREATE VIEW zoo.fed AS SELECT c.name, count(*) AS animals FROM zoo.cage c JOIN zoo."Animal" a ON a.cage = c.id GROUP BY c.name;
  GRANT SELECT, INSERT ON zoo.cage TO scs_node;
  GRANT SELECT ON zoo.cage TO scs_node, scs_reader;
  GRANT SELECT (cage, kilos) ON zoo."Animal" TO scs_reader;`;

const expected = `CREATE SCHEMA scs;
GRANT USAGE ON SCHEMA scs TO scs_node;
GRANT USAGE ON SCHEMA scs TO scs_reader;
GRANT USAGE ON SCHEMA scs TO scs_signer;

CREATE SCHEMA zoo;
GRANT USAGE ON SCHEMA zoo TO scs_reader;

CREATE DOMAIN zoo.weight AS numeric(38,0) NOT NULL CHECK ((VALUE > (0)::numeric)) CHECK ((VALUE < (10)::numeric));

CREATE OR REPLACE FUNCTION zoo.feed(food text, grams integer DEFAULT 5)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE
AS $function$ SELECT grams $function$;
GRANT EXECUTE ON FUNCTION zoo.feed(text,integer) TO scs_node;

CREATE OR REPLACE FUNCTION zoo.refuse()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$ BEGIN RAISE EXCEPTION 'no'; END $function$;

CREATE TABLE scs.migration (
  number integer NOT NULL,
  name text NOT NULL,
  checksum bytea NOT NULL,
  applied_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT migration_pkey PRIMARY KEY (number),
  CONSTRAINT migration_name_key UNIQUE (name),
  CONSTRAINT migration_checksum_check CHECK ((octet_length(checksum) = 32)),
  CONSTRAINT migration_number_check CHECK ((number > 0))
);
GRANT SELECT ON TABLE scs.migration TO scs_node;
GRANT SELECT ON TABLE scs.migration TO scs_reader;
GRANT SELECT ON TABLE scs.migration TO scs_signer;

CREATE TABLE zoo."Animal" (
  cage bigint NOT NULL,
  kilos zoo.weight,
  tags text[] DEFAULT '{}'::text[] NOT NULL,
  CONSTRAINT "Animal_cage_fkey" FOREIGN KEY (cage) REFERENCES zoo.cage(id)
);
CREATE INDEX animal_by_cage ON zoo."Animal" USING btree (cage DESC) WHERE ((kilos)::numeric > (2)::numeric);
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON zoo."Animal" FOR EACH STATEMENT EXECUTE FUNCTION zoo.refuse();
GRANT SELECT (cage, kilos) ON TABLE zoo."Animal" TO scs_reader;

CREATE TABLE zoo.cage (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  name text COLLATE "C" NOT NULL,
  doors integer DEFAULT (1 + 1),
  area numeric GENERATED ALWAYS AS ((doors * 2)) STORED,
  CONSTRAINT cage_pkey PRIMARY KEY (id),
  CONSTRAINT cage_name_doors_key UNIQUE (name, doors),
  CONSTRAINT cage_name_key UNIQUE (name),
  CONSTRAINT cage_doors_check CHECK ((doors = ANY (ARRAY[1, 2, 3])))
) WITH (fillfactor=70);
GRANT INSERT, SELECT ON TABLE zoo.cage TO scs_node;
GRANT SELECT ON TABLE zoo.cage TO scs_reader;

CREATE VIEW zoo.fed AS
 SELECT c.name,
    count(*) AS animals
   FROM (zoo.cage c
     JOIN zoo."Animal" a ON ((a.cage = c.id)))
  GROUP BY c.name;

CREATE VIEW zoo.light AS
 SELECT cage,
    kilos
   FROM zoo."Animal" a
  WHERE ((kilos)::numeric < (3)::numeric);

-- ALTER DEFAULT PRIVILEGES FOR ROLE scs_migrator: f scs_migrator=X/scs_migrator
`;

let folder: string;
let database: TestDatabase;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "scs-dump-"));
  await writeFile(join(folder, "0001-zoo.sql"), migration);
  database = await createTestDatabase(folder);
});

afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true });
});

async function dump(url: string): Promise<string> {
  const opened = openDatabase({ url, applicationName: "dump", maxConnections: 1, statementTimeoutMs: 30_000 });
  try {
    return await dumpSchema(opened);
  } finally {
    await opened.close();
  }
}

test("the text is the same whoever asks, in every copy, on every version", async () => {
  const copy = await createTestDatabase(folder);
  const texts = await Promise.all([database.adminUrl, copy.urls.reader, copy.urls.migrator].map(dump));
  await copy.drop();
  expect(new Set(texts).size).toBe(1);
  expect(texts[0]).toBe(expected);
});

const changes = [
  "ALTER TABLE zoo.cage ADD COLUMN lock text",
  "ALTER TABLE zoo.cage ALTER COLUMN name DROP NOT NULL",
  "ALTER TABLE zoo.cage ALTER COLUMN doors SET DEFAULT 3",
  "ALTER TABLE zoo.cage SET (fillfactor = 80)",
  "ALTER TABLE zoo.cage OWNER TO CURRENT_USER",
  'ALTER TABLE zoo."Animal" DISABLE TRIGGER append_only',
  'DROP TRIGGER append_only ON zoo."Animal"',
  "DROP INDEX zoo.animal_by_cage",
  "GRANT UPDATE ON zoo.cage TO scs_node",
  "GRANT UPDATE (name) ON zoo.cage TO scs_node",
  "REVOKE SELECT ON zoo.cage FROM scs_reader",
  "GRANT SELECT ON zoo.cage TO scs_node WITH GRANT OPTION",
  "GRANT SELECT ON zoo.light TO PUBLIC",
  "GRANT EXECUTE ON FUNCTION zoo.refuse TO PUBLIC",
  "CREATE OR REPLACE FUNCTION zoo.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
  'CREATE OR REPLACE VIEW zoo.light AS SELECT cage, kilos FROM zoo."Animal" a WHERE a.kilos < 4',
  "ALTER DOMAIN zoo.weight ADD CHECK (VALUE <> 5)",
  "ALTER TABLE zoo.cage DROP COLUMN doors CASCADE",
  "ALTER DEFAULT PRIVILEGES FOR ROLE scs_migrator GRANT EXECUTE ON FUNCTIONS TO PUBLIC",
];

test("every change shows", async () => {
  const altered = await createTestDatabase(folder);
  const texts = [await dump(altered.adminUrl)];
  for (const change of changes) {
    await withClient({ connectionString: altered.adminUrl }, async (client) => await client.query(change));
    const text = await dump(altered.adminUrl);
    expect({ change, shows: text !== texts.at(-1) }).toEqual({ change, shows: true });
    texts.push(text);
  }
  await altered.drop();
});

test.for([
  ["type zoo.mood", "CREATE TYPE zoo.mood AS ENUM ('calm')"],
  ["sequence zoo.tickets", "CREATE SEQUENCE zoo.tickets"],
  ["relation zoo.summary", "CREATE MATERIALIZED VIEW zoo.summary AS SELECT 1 AS one"],
  ["relation zoo.parted", "CREATE TABLE zoo.parted (id int) PARTITION BY RANGE (id)"],
  ["relation zoo.cage", "ALTER TABLE zoo.cage ENABLE ROW LEVEL SECURITY"],
  ["rule quiet", "CREATE RULE quiet AS ON INSERT TO zoo.cage DO INSTEAD NOTHING"],
] as const)("what it cannot show is refused: %s", async ([object, change]) => {
  const altered = await createTestDatabase(folder);
  await withClient({ connectionString: altered.adminUrl }, async (client) => await client.query(change));
  await expect(dump(altered.adminUrl)).rejects.toThrow(`the schema dump cannot show ${object}`);
  await altered.drop();
});
