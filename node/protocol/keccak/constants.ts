// The constants of Keccak-f[1600], computed as FIPS 202 defines them.

/** Where the lane at column x and row y stands among the 25; both count modulo 5. */
export const lane = (x: number, y: number): number => (x % 5) + 5 * (y % 5);

/** Rotation of each lane in ρ: FIPS 202, algorithm 2. */
export function rotations(): number[] {
  const offsets = Array.from({ length: 25 }, () => 0);
  let [x, y] = [1, 0];
  for (let t = 0; t < 24; t++) {
    offsets[lane(x, y)] = (((t + 1) * (t + 2)) / 2) % 64;
    [x, y] = [y, (2 * x + 3 * y) % 5];
  }
  return offsets;
}

/** The 24 constants of ι, each as 8 bytes, least significant first: FIPS 202, algorithms 5 and 6. */
export function roundConstantBytes(): number[] {
  let register = 1;
  const nextBit = (): number => {
    const bit = register & 1;
    register <<= 1;
    if (register & 0x100) register ^= 0x171;
    return bit;
  };
  return Array.from({ length: 24 }, () => {
    const bytes = [0, 0, 0, 0, 0, 0, 0, 0];
    for (let j = 0; j <= 6; j++) {
      const position = 2 ** j - 1;
      if (nextBit()) bytes[position >> 3] = (bytes[position >> 3] ?? 0) | (1 << (position & 7));
    }
    return bytes;
  }).flat();
}
