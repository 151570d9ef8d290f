// EIP-712 digests: the published example, and viem as the second opinion on any struct.
import fc from "fast-check";
import { hashTypedData, type TypedDataDefinition } from "viem";
import { expect, test } from "vitest";
import { bytesToHex, type Hex } from "#protocol/hash.ts";
import {
  domainSeparator,
  encodeType,
  structHash,
  typedDataDigest,
  typeHash,
  type StructType,
  type StructValue,
} from "#protocol/typed-data.ts";
import vectors from "#test/vectors/eip712.json" with { type: "json" };

const person: StructType = {
  name: "Person",
  fields: [
    { name: "name", type: "string" },
    { name: "wallet", type: "address" },
  ],
};
const mailType: StructType = {
  name: "Mail",
  fields: [
    { name: "from", type: person },
    { name: "to", type: person },
    { name: "contents", type: "string" },
  ],
};

test("the example of EIP-712 gives its published hashes", () => {
  const { mail } = vectors;
  const separator = domainSeparator({
    ...mail.domain,
    chainId: BigInt(mail.domain.chainId),
    verifyingContract: mail.domain.verifyingContract as Hex,
  });
  expect(encodeType(mailType)).toBe(mail.encodedType);
  expect(bytesToHex(typeHash(mailType))).toBe(mail.typeHash);
  expect(bytesToHex(separator)).toBe(mail.domainSeparator);
  expect(bytesToHex(structHash(mailType, mail.message))).toBe(mail.structHash);
  expect(bytesToHex(typedDataDigest(separator, mailType, mail.message))).toBe(mail.digest);
});

test("referenced structs follow by name, each once, however they are nested", () => {
  const leaf: StructType = { name: "Zebra", fields: [{ name: "count", type: "uint64" }] };
  const middle: StructType = { name: "Ant", fields: [{ name: "zebra", type: leaf }] };
  const top: StructType = {
    name: "Middle",
    fields: [
      { name: "zebra", type: leaf },
      { name: "ant", type: middle },
      { name: "again", type: leaf },
    ],
  };
  expect(encodeType(top)).toBe("Middle(Zebra zebra,Ant ant,Zebra again)Ant(Zebra zebra)Zebra(uint64 count)");
});

const hexOf = (length: number) =>
  fc
    .uint8Array({ minLength: length, maxLength: length })
    .map((bytes): Hex => `0x${Buffer.from(bytes).toString("hex")}`);
const unsigned = (bits: number) => fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) - 1n });
const members = {
  address: hexOf(20),
  bytes32: hexOf(32),
  bool: fc.boolean(),
  uint8: unsigned(8),
  uint32: unsigned(32),
  uint64: unsigned(64),
  uint128: unsigned(128),
  uint256: unsigned(256),
  string: fc.string({ unit: "binary" }),
  bytes: fc.nat(200).chain(hexOf),
};

type MemberType = keyof typeof members;
const memberTypes = Object.keys(members) as MemberType[];

/** A flat struct type with a value of it. */
const anyStruct = (name: string) =>
  fc.array(fc.constantFrom(...memberTypes), { maxLength: 8 }).chain((types) =>
    fc.tuple(...types.map((type): fc.Arbitrary<boolean | bigint | string> => members[type])).map((values) => ({
      type: { name, fields: types.map((type, n) => ({ name: `field${n}`, type })) } satisfies StructType,
      value: Object.fromEntries(values.map((value, n) => [`field${n}`, value])) as StructValue,
    })),
  );
const anyDomain = fc.record({
  name: members.string,
  version: members.string,
  chainId: fc.bigInt({ min: 0n, max: 2n ** 53n - 1n }),
  verifyingContract: members.address,
});

test("any struct, nested once, has the digest that viem gives", () => {
  fc.assert(
    fc.property(anyStruct("Outer"), anyStruct("Inner"), anyDomain, (outer, inner, domain) => {
      const type: StructType = { name: "Outer", fields: [...outer.type.fields, { name: "inner", type: inner.type }] };
      const value = { ...outer.value, inner: inner.value };
      const typedData: TypedDataDefinition = {
        domain,
        types: {
          // viem leaves members out that are empty, unless the type names them.
          EIP712Domain: [
            { name: "name", type: "string" },
            { name: "version", type: "string" },
            { name: "chainId", type: "uint256" },
            { name: "verifyingContract", type: "address" },
          ],
          Outer: [...outer.type.fields, { name: "inner", type: "Inner" }],
          Inner: inner.type.fields,
        },
        primaryType: "Outer",
        message: value,
      };
      expect(bytesToHex(typedDataDigest(domainSeparator(domain), type, value))).toBe(hashTypedData(typedData));
    }),
  );
});

test("a number that is exact stands for its bigint", () => {
  const type: StructType = { name: "Count", fields: [{ name: "count", type: "uint64" }] };
  expect(structHash(type, { count: 7 })).toEqual(structHash(type, { count: 7n }));
});

test("members that are missing or not of their type are refused", () => {
  const type = (of: MemberType): StructType => ({ name: "One", fields: [{ name: "member", type: of }] });
  const refused: [MemberType, unknown][] = [
    ...memberTypes.map((of): [MemberType, unknown] => [of, undefined]),
    ["address", `0x${"0".repeat(38)}`],
    ["bytes32", `0x${"0".repeat(62)}`],
    ["bytes32", "0".repeat(64)],
    ["bool", 1n],
    ["uint8", 256n],
    ["uint64", "1"],
    ["uint64", 2 ** 53],
    ["uint64", true],
    ["uint256", -1n],
    ["string", 1n],
    ["string", "\ud800"],
    ["bytes", "text"],
    ["bytes", "0x0"],
  ];
  for (const [of, member] of refused) {
    expect(() => structHash(type(of), { member } as StructValue), `${of} ${String(member)}`).toThrow();
  }
  expect(() => structHash(mailType, { from: "Cow", to: "Bob", contents: "" })).toThrow("Mail.from is not a struct");
});
