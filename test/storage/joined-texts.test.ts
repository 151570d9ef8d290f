// Many texts in one parameter come back as they were, one by one.
import fc from "fast-check";
import { expect, test } from "vitest";
import { jcsText, type Json } from "#protocol/canonical.ts";
import { joinTexts, splitTexts } from "#storage/joined-texts.ts";
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
