// The payer's key: an encrypted keystore file (Web3 Secret Storage) opened with a password kept in another file.
import { Wallet } from "@ethereumjs/wallet";
import { bytesToHex, hexToBytes, type Hex } from "#protocol/hash.ts";
import { ProtocolError } from "#protocol/errors.ts";

/** Work factor of scrypt: the standard's usual 2^18 costs about a second and 256 MiB once per start. */
const scrypt = { kdf: "scrypt", n: 262_144, r: 8, p: 1 } as const;

/** Encrypts a private key as Web3 Secret Storage text, version 3 (PAYO-09). */
export async function sealKeystore(privateKey: Hex, password: string): Promise<string> {
  const wallet = Wallet.fromPrivateKey(hexToBytes(privateKey, 32));
  return await wallet.toV3String(password, scrypt);
}

/**
 * Opens a keystore.
 * @throws ProtocolError INTERNAL_CONFIGURATION if it is not a keystore or the password is another; neither is repeated
 */
export async function openKeystore(text: string, password: string): Promise<Hex> {
  try {
    const wallet = await Wallet.fromV3(text, password);
    return bytesToHex(wallet.getPrivateKey());
  } catch {
    throw new ProtocolError("INTERNAL_CONFIGURATION", {
      settings: ["SCS_PAYER_KEYSTORE_FILE cannot be opened with the password in SCS_PAYER_PASSWORD_FILE"],
    });
  }
}
