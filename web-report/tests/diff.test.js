// The page on a comparison: every view says what opens and what closes, by more than a colour.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { Matrix, NOTHING_ASKED, Report, WHICH, changeOf, draw, provide, traffic } from "../node_modules/.model/model.js";
import { browser, diff, downloaded, embedded, layout, path, report, run, visit, visiting } from "./browser.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SIDES = ["corpus/release-before/manifests", "corpus/release-after/manifests"];
const HOSTILE = ["tests/fixtures/shop", "tests/fixtures/hostile"];
await provide(layout());
let chromium, release, answer;

before(async () => {
  chromium = await browser();
  release = diff("release", ...SIDES);
  answer = JSON.parse(run("diff", ...SIDES, "--format", "json"));
});
after(() => chromium.close());

const on = (...rest) => visiting(chromium, ...rest);

function documentOf(base, head) {
  const html = readFileSync(diff("model", `corpus/${base}/manifests`, `corpus/${head}/manifests`, "--allow-incomplete"), "utf8");
  return JSON.parse(html.split('<script type="application/json" id="document">')[1].split("</script>")[0]);
}

test("the model has every flow of npv diff, and its reasons", () => {
  for (const [base, head] of [["release-before", "release-after"], ["release-after", "release-before"], ["demo", "web-shop"], ["clients-by-address", "statefulset-replicas-mended"]]) {
    const report = new Report(documentOf(base, head));
    const { changes } = report;
    const { answer } = changes.diff;
    for (const which of WHICH) {
      const known = new Map(answer[which].map((flow) => [`${flow.src}\n${flow.dst}`, flow]));
      const flows = changes.rows.filter((row) => row.which === which).flatMap((row) => [...changes.flows(row)]);
      assert.equal(flows.length, known.size, `${base} ${head} ${which}`);
      for (const flow of flows) {
        const said = known.get(`${changes.id(flow.src)}\n${changes.id(flow.dst)}`);
        assert.deepEqual(changes.reasonsOf(flow).map(({ message }) => message).sort(), said.why.map(({ message }) => message).sort());
      }
      assert.equal(changes.rows.filter((row) => row.which === which).reduce((sum, row) => sum + changes.count(row), 0), known.size);
    }
    // A map draws each pair that changes, and nothing else where nothing else is asked for.
    const wish = { ...NOTHING_ASKED, open: new Set(report.groupOf) };
    const pairs = (graph, change) => graph.edges.filter((edge) => changeOf(edge) === change).flatMap((edge) => [...graph.pairs(edge)].map(String)).sort();
    const graphs = [draw(report, wish), draw(report, { ...wish, changed: true })];
    const own = { opened: [], closed: [] };
    report.endpoints.forEach((_, src) => {
      for (const [dst, change] of changes.from(src)) {
        if (src !== dst) for (const which of WHICH) if (!traffic.isEmpty(change[which])) own[which].push(String([src, dst]));
      }
    });
    for (const graph of graphs) for (const which of WHICH) assert.deepEqual(pairs(graph, which), own[which].sort(), `${base} ${head} ${which}`);
    assert(graphs[1].edges.every((edge) => changeOf(edge)));
    assert(draw(report, { ...wish, open: new Set() }).edges.some((edge) => changeOf(edge)));
    // Cells of groups count what those of their members say.
    const matrix = new Matrix(report, null, "");
    const lines = matrix.lines(() => true, () => true);
    const groups = lines.filter((line) => line.end === undefined);
    let total = 0;
    for (const row of groups) {
      for (const column of groups) {
        const members = lines.filter((line) => line.end !== undefined && line.group === row.group);
        const sum = members.map((line) => matrix.changed(line, column).opened).reduce((a, b) => a + b, 0);
        assert.equal(matrix.changed(row, column).opened, sum);
        total += sum;
      }
    }
    assert(total >= own.opened.length);
  }
});

test("the answer in the file, and what the page downloads, are those of npv", () =>
  on(release, "", async (page) => {
    assert.deepEqual((await embedded(page)).diff.answer, answer);
    const saved = await downloaded(page, () => page.getByRole("button", { name: "diff.json" }).click());
    assert.equal(saved.name, "diff.json");
    assert.deepEqual(JSON.parse(saved.text), answer);
    const reach = await downloaded(page, () => page.getByRole("button", { name: "reach.json" }).click());
    assert.deepEqual(JSON.parse(reach.text), JSON.parse(run("reach", SIDES[1], "--format", "json")));
    assert.match(await page.title(), /npv diff/);
  }));

test("a glance says what opened and closed, the most dangerous first, and why", () =>
  on(release, "", async (page) => {
    const tile = (title) => page.locator(".tile", { hasText: title }).first().innerText();
    assert.match(await tile("Opened"), new RegExp(`\\+${answer.opened.length}`));
    assert.match(await tile("Closed"), new RegExp(`−${answer.closed.length}`));
    assert.match(await tile("Workloads"), /\+1 −1/);
    assert.match(await tile("Findings"), new RegExp(`${answer.findingsIntroduced.length} introduced`));
    const first = await page.locator("tbody tr").first().innerText();
    assert.match(first, /from the internet/);
    assert.match(first, /NetworkPolicy\/shop\/web-from-everywhere/);
    assert.match(first, /policies\.yaml:20/);
    await page.getByRole("link", { name: "Closed", exact: true }).click();
    await page.getByRole("heading", { level: 1, name: "Changes" }).waitFor();
    assert.match(page.url(), /#\/changes\?which=closed$/);
    assert.equal(await page.getByRole("heading", { level: 2, name: "Opened" }).count(), 0);
  }));

test("changes can be found, are linked to the reasons, and saved", () =>
  on(release, "#/changes", async (page) => {
    const status = page.locator(".toolbar [role=status]");
    assert.equal(await status.innerText(), `${answer.opened.length + answer.closed.length} flows`);
    const saved = await downloaded(page, () => page.getByRole("button", { name: "every flow as CSV" }).click());
    const lines = saved.text.trim().split("\r\n");
    assert.equal(lines.length, answer.opened.length + answer.closed.length + 1);
    assert(lines.some((line) => /^opened,shop\/web\[Deployment\],data\/db\[StatefulSet\],TCP 5432,existing,to a data store,.*policies\.yaml:55/.test(line)), saved.text);
    const text = await page.locator("main").innerText();
    for (const { object } of [...answer.policiesAdded, ...answer.policiesRemoved, ...answer.policiesChanged]) assert(text.includes(object), object);
    for (const { id } of [...answer.endpointsAdded, ...answer.endpointsRemoved]) assert(text.includes(id.split("[")[0]), id);
    for (const { message } of answer.findingsIntroduced) assert(text.includes(message.replaceAll("`", "")), message);
    await page.getByRole("searchbox", { name: "Find" }).fill("db-from-api");
    await page.waitForFunction(() => document.querySelector(".toolbar [role=status]").innerText === "1 flow");
    await page.getByText("lines", { exact: true }).first().click();
    assert.match(await page.locator(".snippet").first().innerText(), /from|podSelector/);
    await page.getByRole("link", { name: "show the pair" }).click();
    const panel = page.getByRole("complementary");
    assert.match(await panel.innerText(), /\+ opened\s+TCP 5432/);
    assert.match(await panel.innerText(), /NetworkPolicy\/data\/db-from-api/);
    const address = page.url();
    await page.keyboard.press("Escape");
    await panel.waitFor({ state: "detached" });
    await page.goto(address);
    await page.reload();
    await panel.waitFor();
    await visit(page, "#/changes?between=existing");
    assert.equal(await status.innerText(), `${[...answer.opened, ...answer.closed].filter(({ between }) => between === "existing").length} flows`);
  }));

test("the map draws what opens and what closes, and only that where it is asked", () =>
  on(release, "#/map", async (page) => {
    assert.match(await page.locator(".map .key").innerText(), /\+ opened\s+− closed/);
    await page.getByText(/^As a table/).click();
    const changes = () => page.locator('td[data-name="Change"]').allInnerTexts();
    const all = await changes();
    assert(all.includes("+ opened") && all.includes("− closed") && all.includes(""));
    await page.getByRole("checkbox", { name: "only what changed" }).check();
    await page.waitForFunction(() => /changed=yes/.test(location.hash));
    const some = await changes();
    assert.deepEqual(some.toSorted(), all.filter(Boolean).toSorted());
    // Who is gone is drawn, and says so.
    await page.getByRole("searchbox", { name: "Find" }).fill("legacy");
    await page.waitForFunction(() => document.querySelector(".map [role=status]").innerText.includes("shop/legacy"));
    await page.getByRole("row", { name: /shop\/legacy/ }).first().getByRole("link", { name: "why" }).click();
    const text = await page.getByRole("complementary").innerText();
    assert.match(text, /Only .*release-before/);
    assert.match(text, /− closed/);
  }));

test("the matrix marks what opens and what closes", () =>
  on(release, "#/matrix", async (page) => {
    const cell = (name) => page.locator(`[role="gridcell"][title^="${name}"]`).first();
    assert.equal(await cell("shop/web[Deployment] to data/db").innerText(), "+5432");
    const both = cell("shop/web[Deployment] to shop/api");
    assert.equal(await both.innerText(), "±9100");
    assert.match(await both.getAttribute("title"), /opened TCP 9100, closed TCP 9000$/);
    const rows = await page.getByRole("rowheader").allInnerTexts();
    assert(rows.includes("+ exporter") && rows.includes("− legacy"), rows.join());
    await page.getByRole("checkbox", { name: "only what changed" }).check();
    await page.waitForFunction(() => /changed=yes/.test(location.hash));
    assert.equal(await page.getByRole("grid").getAttribute("aria-rowcount"), String(1 + (await page.getByRole("rowheader").count())));
    await both.click();
    const text = await page.getByRole("complementary").innerText();
    assert.match(text, /\+ opened\s+TCP 9100/);
    assert.match(text, /− closed\s+TCP 9000/);
  }));

test("workloads and findings say what is new and what is gone", () =>
  on(release, "#/workloads", async (page) => {
    assert.match(await page.getByRole("row", { name: /data\/exporter/ }).innerText(), /\+ new/);
    await page.getByRole("link", { name: "shop/legacy" }).click();
    assert.match(await page.locator("main").innerText(), /− gone/);
    assert.match(await page.locator("main").innerText(), /What changes/);
    await visit(page, "#/findings?since=base");
    assert.equal(await page.locator(".finding").count(), answer.findingsIntroduced.length);
    assert.match(await page.locator(".finding").first().innerText(), /\+ new/);
  }));

test("a screen reader finds nothing in its way, and a phone has room", async () => {
  const pair = "?src=shop/web[Deployment]&dst=shop/api[Deployment]";
  const views = [
    "#/glance", "#/changes", `#/changes${pair}`, "#/map", "#/map?changed=yes", "#/matrix", `#/matrix${pair}`, "#/findings?since=base", "#/workloads",
    "#/workloads/shop%2Flegacy%5BDeployment%5D",
  ];
  for (const options of [{ colorScheme: "light" }, { colorScheme: "dark" }, { viewport: { width: 390, height: 844 } }]) {
    await on(release, "", async (page) => {
      await page.evaluate(axe);
      for (const view of views) {
        await visit(page, view);
        const { violations } = await page.evaluate(() => window.axe.run(document));
        const said = violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.failureSummary}`).join(" | ")}`);
        assert.deepEqual(said, [], `${view} in ${JSON.stringify(options)}`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert(wide <= 0, `${view} is ${wide} pixels too wide`);
      }
    }, options);
  }
});

test("hostile names are text in a comparison too", async () => {
  for (const sides of [HOSTILE, HOSTILE.toReversed()]) {
    await on(diff("hostile-diff", ...sides, "--allow-incomplete"), "", async (page) => {
      for (const view of ["#/glance", "#/changes", "#/map?changed=yes", "#/matrix?changed=yes", "#/workloads", "#/findings"]) {
        await visit(page, view);
        const found = await page.evaluate(() => ({
          markup: document.querySelectorAll("#report script, #report img, #report svg, #report style, #report iframe").length,
          acts: /[\u202a-\u202e\u2066-\u2069\u200b\u0085\u2028]/.test(document.getElementById("report").innerText + document.title),
        }));
        assert.deepEqual(found, { markup: 0, acts: false }, view);
      }
    });
  }
});

test("without JavaScript there is what opens and closes", () =>
  on(release, "", async (page) => {
    const rows = await page.locator("noscript table").first().locator("tbody tr").count();
    assert(rows > 0 && rows <= answer.opened.length);
    const text = await page.locator("noscript").innerText().catch(() => "") || (await page.locator("body").innerText());
    assert.match(text, new RegExp(`Opened: ${answer.opened.length} flows`));
  }, { javaScriptEnabled: false }));

test("a report that compares nothing has no word of it", () =>
  on(report("no-diff", path(SIDES[1])), "#/changes", async (page) => {
    assert.equal(await page.getByRole("navigation").getByRole("link", { name: "Changes" }).count(), 0);
    assert.match(await page.locator("main").innerText(), /compares nothing/);
    await visit(page, "#/map?changed=yes");
    assert(!(await page.locator(".map .key").innerText()).includes("opened"));
    assert.equal(await page.getByRole("checkbox").count(), 0);
  }));
