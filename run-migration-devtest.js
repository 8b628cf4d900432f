#!/usr/bin/env node
// Starts the migration runner beside this file and passes its exit code on.
const { spawnSync } = require("node:child_process");
const path = require("node:path");

const run = spawnSync(path.join(__dirname, "run-migration-devtest"), process.argv.slice(2), { stdio: "inherit" });
if (run.error) {
  console.error(`run-migration-devtest: ${run.error.message}`);
}
process.exit(run.status ?? 1);
