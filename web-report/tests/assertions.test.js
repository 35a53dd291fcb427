// Assertions, exceptions and the baseline in a real browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { browser, downloaded, embedded, open, project, report, run, visit, visiting } from "./browser.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const CONFIGURATION = `paths: [manifests]
assertions:
  - name: only the API reaches the database
    expect: only
    from: {namespace: shop, pods: {app: api}}
    to: {namespace: shop, pods: {app: db}}
  - {name: the database is closed, expect: deny, from: internet, to: shop/db}
  - {name: the API talks to the database, expect: allow, from: shop/api, to: shop/db, ports: [5432], world: snapshot}
  - {name: guests stay out, expect: deny, from: {pods: {app: guest}}, to: shop/db, world: snapshot}
  - {name: "<b>web</b> is closed", expect: deny, from: internet, to: shop/web, world: snapshot}
ignore:
  - {rule: unreachable-service, object: Service/shop/db, reason: "<i>nobody</i> asks for it"}
`;
let chromium, directory, file;

before(async () => {
  chromium = await browser();
  directory = project("asserted", "demo", CONFIGURATION, ["--select", "dns-egress-blocked"]);
  file = report("asserted", "--config", `${directory}/npv.yaml`);
});
after(() => chromium.close());

/** What `npv check` says. */
function check() {
  return JSON.parse(run("check", "--config", `${directory}/npv.yaml`, "--format", "json"));
}

const on = (...rest) => visiting(chromium, file, ...rest);

test("a glance says how many assertions hold, fail and say nothing", () =>
  on("", async (page) => {
    const { assertions } = check();
    const holds = assertions.filter(({ holds, vacuous }) => holds && !vacuous).length;
    const fails = assertions.filter(({ holds }) => holds === false).length;
    assert.deepEqual([assertions.length, fails, holds], [5, 3, 1]);
    const tile = page.locator(".tile", { hasText: "Assertions" });
    assert.match(await tile.innerText(), /5\s+3 fail\s+1 holds vacuously\s+1 holds/);
    const section = page.locator("section", { has: page.getByRole("heading", { level: 2, name: "What does not hold" }) });
    assert.equal(await section.getByRole("listitem").count(), fails);
    assert.match(await section.innerText(), /<b>web<\/b> is closed: \S+ → shop\/web\[Deployment\] on TCP 8080 is allowed/);
    await tile.getByRole("link", { name: "3 fail" }).click();
    await page.getByRole("heading", { level: 1, name: "Assertions" }).waitFor();
    assert.equal(await page.locator("article").count(), fails);
    assert.match(page.url(), /#\/assertions\?outcome=fails$/);
  }));

test("a failing assertion shows the flow, who opens it and how to see it", () =>
  on("#/assertions", async (page) => {
    const { assertions, assumptions } = check();
    assert.deepEqual((await embedded(page)).assertions, assertions);
    for (const { name, at, counterexample } of assertions) {
      const card = page.locator("article", { has: page.getByRole("heading", { level: 2, name, exact: true }) });
      const text = await card.innerText();
      assert(text.includes(`${at.file}:${at.line}`), name);
      if (!counterexample) continue;
      assert(text.includes(counterexample.command), name);
      const { src, dst, protocol, port, steps } = counterexample;
      const plain = ({ id }) => id.replace(/\[(\w+)\]$/, " ?\\[?$1\\]?").replaceAll("/", "\\/");
      assert.match(text, new RegExp(`${plain(src)} → ${plain(dst)} on ${protocol} ${port}`), name);
      for (const { object, at } of steps.filter(({ object }) => object)) {
        assert(text.includes(object) && text.includes(`${at.file}:${at.line}`), `${name}: ${object}`);
        // The lines themselves, and not only where they are.
        const lines = readFileSync(at.file.startsWith("/") ? at.file : new URL(`../../${at.file}`, import.meta.url), "utf8").split("\n");
        assert(text.includes(lines[at.line - 1].trim()), lines[at.line - 1]);
      }
    }
    for (const assumption of assumptions) assert((await page.locator("main").innerText()).includes(assumption));
    // The command and the manifests of a cluster that could be show what they promise.
    const possible = assertions.find(({ counterexample }) => counterexample?.manifests);
    const card = page.locator("article", { hasText: possible.name });
    await card.getByText("What it takes").click();
    const saved = await downloaded(page, () => card.getByRole("button", { name: "save witness.yaml" }).click());
    assert.deepEqual(saved, { name: "witness.yaml", text: possible.counterexample.manifests });
    await card.getByRole("link", { name: "a link to this assertion" }).click();
    await page.getByText("Show all assertions").waitFor();
    assert.equal(await page.locator("article").count(), 1);
  }));

test("assertions are filtered, and saved as a table", () =>
  on("#/assertions", async (page) => {
    await page.getByRole("combobox", { name: "Outcome" }).selectOption("vacuous");
    await page.waitForFunction(() => document.querySelectorAll("article").length === 1);
    assert.match(await page.locator("article").innerText(), /nothing in these manifests is from: pods app=guest/);
    await page.getByRole("combobox", { name: "Outcome" }).selectOption("");
    await page.getByRole("searchbox", { name: "Find" }).fill("db-from-api");
    await page.waitForFunction(() => document.querySelectorAll("article").length === 2);
    const saved = await downloaded(page, () => page.getByRole("button", { name: "CSV" }).click());
    const lines = saved.text.trim().split("\r\n");
    assert.equal(lines.length, 3);
    assert.match(lines[1], /^fails,only the API reaches the database,any,only,.*npv\.yaml,3,shop\/npv-source\[Pod\]/);
  }));

test("what exceptions and the baseline leave out is counted, and shown for the asking", () =>
  on("", async (page) => {
    const { findings, summary } = check();
    assert.deepEqual([summary.suppressed, summary.baseline], [1, 1]);
    const tile = page.locator(".tile", { hasText: "Findings" });
    assert.match(await tile.innerText(), new RegExp(`Findings\\s+${findings.length}\\s.*1 suppressed\\s+1 in the baseline`, "s"));
    await tile.getByRole("link", { name: "1 suppressed" }).click();
    await page.getByRole("heading", { level: 1, name: "Findings" }).waitFor();
    assert.equal(await page.locator(".finding").count(), 1);
    assert.match(await page.locator(".finding").innerText(), /Suppressed by the configuration at \S*npv\.yaml:12\S*: <i>nobody<\/i> asks for it/);
    const show = page.getByRole("combobox", { name: "Show" });
    await show.selectOption("baseline");
    await page.waitForFunction(() => document.querySelector(".finding .rule-name").innerText === "dns-egress-blocked");
    assert.match(await page.locator(".finding").innerText(), /in the baseline/);
    for (const [state, count] of [["new", findings.length], ["all", findings.length + 2]]) {
      await show.selectOption(state);
      await page.waitForFunction((count) => document.querySelectorAll(".finding").length === count, count);
    }
    const saved = await downloaded(page, () => page.getByRole("button", { name: "CSV" }).click());
    assert.match(saved.text, /\r\nsuppressed,warning,unreachable-service,.*<i>nobody<\/i> asks for it\r\n/);
  }));

test("neither hinders a screen reader, a phone or a keyboard", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const page = await open(chromium, file, "", { colorScheme, viewport: { width: 390, height: 844 } });
    await page.evaluate(axe);
    for (const view of ["#/glance", "#/assertions", "#/assertions?outcome=holds", "#/findings?state=all"]) {
      await visit(page, view);
      const { violations } = await page.evaluate(() => window.axe.run(document));
      assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 160)}`), [], `${view} in ${colorScheme}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert(wide <= 0, `${view} is ${wide} pixels too wide`);
    }
    await visit(page, "#/assertions");
    await page.locator("summary", { hasText: "What it takes" }).first().focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "save witness.yaml" }).first().waitFor();
    await page.context().close();
  }
});

test("a report without assertions says how to write one", async () => {
  const page = await open(chromium, report("nothing-asserted", "--no-config", `${directory}/manifests`), "");
  assert.match(await page.locator(".tile", { hasText: "Assertions" }).innerText(), /0\s+the configuration asserts nothing/);
  await visit(page, "#/assertions");
  assert.match(await page.locator("main").innerText(), /expect: deny, from: any-pod, to: internet/);
  await page.context().close();
});
