// Many texts in one parameter come back as they were, one by one.
import fc from "fast-check";
import { expect, test } from "vitest";
import { jcsText, type Json } from "#protocol/canonical.ts";
import { bytesToHex } from "#protocol/hash.ts";
import { bytesArray, joinTexts, numberArray, splitTexts, textArray } from "#storage/joined-texts.ts";
import { useDatabase } from "#test/layers/database.ts";

const { database } = await useDatabase();

test("canonical texts come back as they were, whatever is in them", async () => {
  const text = fc.jsonValue().map((value) => jcsText(value as Json));
  const wellFormed = fc.array(text, { minLength: 1, maxLength: 20 });
  const samples = fc.sample(wellFormed, 50);
  const nasty = ['"\\u001e"', '"\\\\ { } , \\" null"', '""', "null", '"é𝄞\u007f"'];
  for (const texts of [...samples, nasty]) {
    const { rows } = await database.query<{ texts: string[] }>(`SELECT ${splitTexts(1)} AS texts`, [joinTexts(texts)]);
    expect(rows[0]?.texts).toEqual(texts);
  }
});

test("what is no canonical text, and nothing at all, are programmer's errors", () => {
  expect(() => joinTexts(["a\u001eb"])).toThrow("control character");
  expect(() => joinTexts([])).toThrow("no text");
});

test("arrays come back as they were: numbers, bytes and nothing, texts with whatever is in them", async () => {
  const row = fc.record({
    number: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    bytes: fc.option(fc.uint8Array({ maxLength: 40 })),
    text: fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0")),
  });
  const nasty = { number: 0n, bytes: new Uint8Array(), text: '{"NULL", \\x00 }' };
  for (const rows of [...fc.sample(fc.array(row, { maxLength: 20 }), 50), [nasty, { ...nasty, text: "NULL" }]]) {
    const sent = [
      numberArray(rows.map(({ number }) => number)),
      bytesArray(rows.map(({ bytes }) => bytes && bytesToHex(bytes))),
      textArray(rows.map(({ text }) => text)),
    ];
    const answer = await database.query(
      `SELECT number, bytes, text FROM unnest($1::bigint[], $2::bytea[], $3::text[])
        WITH ORDINALITY AS a (number, bytes, text, position) ORDER BY position`,
      sent,
    );
    expect(answer.rows).toEqual(rows.map((each) => ({ ...each, bytes: each.bytes && Buffer.from(each.bytes) })));
  }
});
