// Writes src/schema.ts, the types of the document, from the schema that npv publishes.
import { readFile, writeFile } from "node:fs/promises";
import { compile } from "json-schema-to-typescript";

const here = (path) => new URL(path, import.meta.url);
const schema = JSON.parse(await readFile(here("../../docs/schema/report.json"), "utf8"));
schema.title = "Document";
const types = await compile(schema, "Document", {
  bannerComment: "// Generated from docs/schema/report.json by scripts/schema.js.",
  additionalProperties: false,
  ignoreMinAndMaxItems: false,
  style: { printWidth: 110 },
});
await writeFile(here("../src/schema.ts"), types);
