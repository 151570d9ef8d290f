// Refuses a Node that cannot run TypeScript: npm drops optional packages silently, the pinned Node among them.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `Node ${process.version} is too old: run through npm scripts or npx after "npm ci", or use Node 22.18 or later.`,
  );
  process.exit(1);
}
