// The official GraphQL-over-HTTP audit (npm graphql-http) against a running gateway:
//   node tools/node/audit.mjs http://127.0.0.1:8080/graphql
// Prints one JSON object and exits with 1 when a MUST or a SHOULD is unmet.
import { auditServer } from "graphql-http";

const url = process.argv[2];
if (!url) {
  console.error("Say which gateway: node audit.mjs http://127.0.0.1:8080/graphql");
  process.exit(2);
}

const results = await auditServer({ url });
const unmet = results
  .filter((result) => result.status !== "ok")
  .map(({ id, name, status, reason }) => ({ id, name, status, reason }));
const failed = unmet.filter(({ name }) => /^(MUST|SHOULD)\b/.test(name));
console.log(JSON.stringify({ audits: results.length, failed, notes: unmet.filter((entry) => !failed.includes(entry)) }, null, 2));
process.exit(failed.length === 0 ? 0 : 1);
