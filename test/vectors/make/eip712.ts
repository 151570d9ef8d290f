// Makes eip712.json: the published example, confirmed by viem, and signatures made by viem.
import assert from "node:assert";
import { hashTypedData, keccak256, stringToHex, type TypedDataDomain } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { word } from "./settlement-tree.ts";

const mailTypes = {
  Person: [
    { name: "name", type: "string" },
    { name: "wallet", type: "address" },
  ],
  Mail: [
    { name: "from", type: "Person" },
    { name: "to", type: "Person" },
    { name: "contents", type: "string" },
  ],
};

/** The content of eip712.json. */
export async function eip712Vectors() {
  const domain = {
    name: "Ether Mail",
    version: "1",
    chainId: 1,
    verifyingContract: "0xcccccccccccccccccccccccccccccccccccccccc",
  } as const satisfies TypedDataDomain;
  const message = {
    from: { name: "Cow", wallet: "0xcd2a3d9f938e13cd947ec05abc7fe734df8dd826" },
    to: { name: "Bob", wallet: "0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" },
    contents: "Hello, Bob!",
  };
  const mail = {
    types: mailTypes,
    primaryType: "Mail",
    domain,
    message,
    encodedType: "Mail(Person from,Person to,string contents)Person(string name,address wallet)",
    typeHash: "0xa0cedeb2dc280ba39b857546d74f5549c3a1d7bdc2dd96bf881f76108e23dac2",
    domainSeparator: "0xf2cee375fa42b42143804025fc449deafd50cc031ca257e0b194a650a912090f",
    structHash: "0xc52c0ee5d84264471806290a3f2c4cecfc5490626bf912d01f240d7a274b371e",
    digest: "0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2",
    privateKey: keccak256(stringToHex("cow")),
    account: "0xcd2a3d9f938e13cd947ec05abc7fe734df8dd826",
    signature:
      "0x4355c47d63924e8a72e509b65029052eb6c299d53a04e167c5775fd466751c9d07299936d304c153f6443dfa05f40ff007d72911b6f72307f996231605b915621c",
  };
  const typed = { domain, types: mailTypes, primaryType: "Mail", message } as const;
  assert.equal(hashTypedData(typed), mail.digest);
  assert.equal(await privateKeyToAccount(mail.privateKey).signTypedData(typed), mail.signature);
  const signatures = await Promise.all(
    [1, 2, 3, 4, 5, 6, 7, 8].map(async (n) => {
      const signer = privateKeyToAccount(word(`key ${n}`));
      const digest = word(`digest ${n}`);
      return {
        privateKey: word(`key ${n}`),
        account: signer.address.toLowerCase(),
        digest,
        signature: await signer.sign({ hash: digest }),
      };
    }),
  );
  return {
    about: {
      mail: 'the example of EIP-712, as published, signed with the key keccak256("cow")',
      signatures: "signatures r, s, v over plain digests, with low s",
    },
    source: "mail: EIP-712 (Example.js, Example.sol), equal by viem; signatures: test/vectors/make with viem",
    mail,
    signatures,
  };
}
