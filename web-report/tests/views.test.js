// Every view in a real browser: what it shows, by mouse and by keyboard, and to a screen reader.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { browser, downloaded, embedded, open, report, run, visit, visiting } from "./browser.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SHOP = "corpus/web-shop/manifests";
const DEMO = "corpus/demo/manifests";
let chromium, shop, demo;

before(async () => {
  chromium = await browser();
  [shop, demo] = [report("web-shop", SHOP), report("demo", DEMO)];
});
after(() => chromium.close());

const on = (...rest) => visiting(chromium, ...rest);

test("the answer in the file, and what the page downloads, are those of npv", () =>
  on(shop, "", async (page) => {
    const reach = JSON.parse(run("reach", SHOP, "--format", "json"));
    const saved = await downloaded(page, () => page.getByRole("button", { name: "reach.json" }).click());
    assert.equal(saved.name, "reach.json");
    assert.deepEqual(JSON.parse(saved.text), reach);
    const document = JSON.parse(run("report", SHOP, "--format", "json"));
    assert.deepEqual(await embedded(page), document);
    const whole = await downloaded(page, () => page.getByRole("button", { name: "report.json" }).click());
    assert.deepEqual(JSON.parse(whole.text), document);
  }));

test("a glance says how much there is and what is wrong", () =>
  on(demo, "", async (page) => {
    const { summary } = JSON.parse(run("check", DEMO, "--format", "json"));
    const tile = page.locator(".tile", { hasText: "Findings" });
    assert.match(await tile.innerText(), new RegExp(`${summary.errors + summary.warnings + summary.notes}`));
    assert.match(await tile.innerText(), new RegExp(`${summary.warnings} warnings`));
    await page.getByRole("link", { name: `${summary.warnings} warnings` }).click();
    await page.getByRole("heading", { level: 1, name: "Findings" }).waitFor();
    assert.equal(await page.locator(".finding").count(), summary.warnings);
    assert.match(page.url(), /#\/findings\?severity=warning$/);
  }));

test("findings can be found, and say what to do", () =>
  on(demo, "#/findings", async (page) => {
    const { findings } = JSON.parse(run("check", DEMO, "--format", "json"));
    assert.equal(await page.locator(".finding").count(), findings.length);
    const text = await page.locator("main").innerText();
    for (const finding of findings) {
      for (const help of finding.help) assert(text.includes(help.replaceAll("`", "")), help);
    }
    await page.getByRole("searchbox", { name: "Find" }).fill(findings[0].rule);
    const same = findings.filter((finding) => finding.rule === findings[0].rule);
    await page.waitForFunction((count) => document.querySelectorAll(".finding").length === count, same.length);
    const saved = await downloaded(page, () => page.getByRole("button", { name: "CSV" }).click());
    assert.equal(saved.text.split("\r\n").length, same.length + 2);
  }));

test("a cell of the matrix says why, and the address of the page remembers it", () =>
  on(shop, "#/matrix", async (page) => {
    const answer = JSON.parse(run("reach", SHOP, "--format", "json"));
    const cells = await page.locator('[role="gridcell"].some, [role="gridcell"].all').evaluateAll((all) => all.map((cell) => cell.title));
    const wanted = answer.connections.map(({ src, dst }) => `${src} to ${dst}`);
    const shown = cells.map((title) => title.slice(0, title.lastIndexOf(": ")));
    assert(shown.length > 10);
    for (const pair of shown) assert(wanted.includes(pair), pair);
    await page.locator('[role="gridcell"][title^="shop/cart[Deployment] to shop-data/redis"]').first().click();
    const panel = page.getByRole("complementary");
    await panel.waitFor();
    assert.match(await panel.innerText(), /allowed\s+TCP 6379/);
    assert.match(await panel.innerText(), /policies\/[a-z-]+\.yaml:\d+/);
    assert.match(await panel.innerText(), /npv trace shop\/cart shop-data\/redis/);
    const address = page.url();
    await page.keyboard.press("Escape");
    await panel.waitFor({ state: "detached" });
    await page.goto(address);
    await page.reload();
    await panel.waitFor();
  }));

test("a denied pair says what is nearest to allowing it", () =>
  on(demo, "#/matrix?src=shop/api[Deployment]&dst=shop/db[StatefulSet]", async (page) => {
    const text = await page.getByRole("complementary").innerText();
    assert.match(text, /denied/);
    assert.match(text, /Nearest to allowing it/);
    assert.match(text, /db-from-api|db/);
  }));

test("the matrix works by keyboard", () =>
  on(shop, "#/matrix", async (page) => {
    const grid = page.getByRole("grid");
    await grid.focus();
    const active = () => grid.getAttribute("aria-activedescendant");
    for (const key of ["ArrowDown", "ArrowDown", "ArrowRight"]) await page.keyboard.press(key);
    assert.equal(await active(), "cell-2-1");
    await page.keyboard.press("End");
    const id = await active();
    assert.equal(await page.locator(`[id="${id}"]`).count(), 1, "the active cell is in the page");
    await page.keyboard.press("Home");
    const before = await grid.getAttribute("aria-rowcount");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Enter");
    await page.waitForFunction((count) => document.querySelector('[role="grid"]').getAttribute("aria-rowcount") !== count, before);
    for (const key of ["ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight", "Enter"]) await page.keyboard.press(key);
    await page.getByRole("complementary").waitFor();
    await page.keyboard.press("Escape");
    // Focus comes back to where it was.
    await page.waitForFunction(() => document.activeElement?.getAttribute("role") === "grid");
  }));

test("every view is reached by keyboard from the top of the page", () =>
  on(shop, "", async (page) => {
    for (const name of ["Map", "Matrix", "Findings", "Policies", "Workloads", "Services and routes"]) {
      const link = page.getByRole("navigation").getByRole("link", { name });
      await link.focus();
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { level: 1, name }).waitFor();
      assert.equal(await link.getAttribute("aria-current"), "page");
      await page.waitForFunction(() => document.activeElement?.id === "main");
      assert.match(await page.title(), new RegExp(name));
    }
    await page.goBack();
    await page.getByRole("heading", { level: 1, name: "Workloads" }).waitFor();
  }));

/** The connections that lines, marks and titles of the map say, by the table below it. */
function said(page) {
  return page.evaluate(() => {
    const rows = [...document.querySelectorAll(".as-table tbody tr")];
    const text = (row, name) => row.querySelector(`[data-name="${name}"]`).innerText;
    const counts = rows.filter((row) => ["allowed", "dangerous"].includes(text(row, "Line"))).map((row) => Number(text(row, "Pairs")));
    return counts.reduce((sum, count) => sum + count, Number(document.querySelector(".as-table")?.dataset.said ?? 0));
  });
}

/** Waits until the map says so many connections. */
async function says(page, count) {
  for (let tries = 0; tries < 100 && (await said(page)) !== count; tries++) await page.waitForTimeout(50);
  assert.equal(await said(page), count);
}

test("the map draws every connection, and says the same as a table", () =>
  on(shop, "#/map", async (page) => {
    const answer = JSON.parse(run("reach", SHOP, "--format", "json"));
    await page.getByText(/^As a table/).click();
    await says(page, answer.connections.filter(({ src, dst }) => src !== dst).length);
    const drawn = await page.locator("canvas").evaluate((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const colours = new Set();
      for (let at = 0; at < data.length; at += 4) colours.add(`${data[at]} ${data[at + 1]} ${data[at + 2]}`);
      return colours.size;
    });
    assert(drawn > 20, `${drawn} colours`);
  }));

test("the map works by keyboard, by mouse and by its filters", () =>
  on(shop, "#/map", async (page) => {
    const map = page.getByRole("application");
    const status = page.locator(".map [role=status]");
    await map.focus();
    await page.keyboard.press("ArrowRight");
    const first = await status.innerText();
    assert.match(first, /flows? in/);
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction((before) => document.querySelector(".map [role=status]").innerText !== before, first);
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "everybody" }).waitFor();
    assert.match(page.url(), /focus=/);
    await visit(page, "#/map?port=5432/tcp");
    const summary = page.getByText(/^As a table/);
    await summary.click();
    const answer = JSON.parse(run("reach", SHOP, "--port", "5432/tcp", "--format", "json"));
    await says(page, answer.connections.filter(({ src, dst }) => src !== dst).length);
    await summary.click();
    await visit(page, "#/map?open=%7C");
    assert.match(await page.locator(".map .key").innerText(), /namespace/);
    await visit(page, "#/map");
    await page.getByRole("searchbox", { name: "Find" }).fill("postgres");
    await page.waitForFunction(() => document.querySelector(".map [role=status]").innerText.includes("shop-data/postgres"));
    // A click on a line says why.
    await summary.click();
    await page.getByRole("row", { name: /shop\/cart.*redis/ }).getByRole("link", { name: "why" }).click();
    assert.match(await page.getByRole("complementary").innerText(), /TCP 6379/);
  }));

test("the map is filtered by namespace, port, protocol and finding", async () => {
  const of = (link) => link.split(/[/[]/)[0];
  const covers = (ranges, port) => ranges.some(([first, last]) => first <= port && port <= last);
  const expect = (page, between) => async (wanted) => {
    assert(wanted.length > 0 && wanted.length < between.length, `${wanted.length} of ${between.length}`);
    await says(page, wanted.length);
  };
  const between = (inputs) => JSON.parse(run("reach", inputs, "--format", "json")).connections.filter(({ src, dst }) => src !== dst);
  await on(shop, "#/map", async (page) => {
    const all = between(SHOP);
    const shows = expect(page, all);
    await page.getByText(/^As a table/).click();
    await page.getByRole("combobox", { name: "Namespace" }).selectOption("shop-data");
    await shows(all.filter(({ src, dst }) => of(src) === "shop-data" || of(dst) === "shop-data"));
    await page.getByRole("combobox", { name: "Namespace" }).selectOption("");
    await page.getByRole("searchbox", { name: "Port" }).fill("6379/tcp");
    await shows(all.filter(({ traffic }) => covers(traffic.TCP, 6379)));
    assert.match(page.url(), /port=6379/);
    await page.reload();
    await page.getByText(/^As a table/).click();
    await shows(all.filter(({ traffic }) => covers(traffic.TCP, 6379)));
    await page.getByRole("searchbox", { name: "Port" }).fill("70000");
    await page.locator('input[aria-invalid="true"]').waitFor();
  });
  await on(demo, "#/map", async (page) => {
    const all = between(DEMO);
    const shows = expect(page, all);
    await page.getByText(/^As a table/).click();
    await page.getByRole("combobox", { name: "Protocol" }).selectOption("udp");
    await shows(all.filter(({ traffic }) => traffic.UDP.length));
    for (const cell of await page.locator('td[data-name="Over"]').allInnerTexts()) assert.match(cell, /^UDP/);
    await page.getByRole("searchbox", { name: "Port" }).fill("53");
    await shows(all.filter(({ traffic }) => covers(traffic.UDP, 53)));
    for (const cell of await page.locator('td[data-name="Over"]').allInnerTexts()) assert.equal(cell, "UDP 53");
    assert.match(page.url(), /protocol=udp/);
  });
  await on(demo, "#/map", async (page) => {
    const { connections } = JSON.parse(run("reach", DEMO, "--format", "json"));
    const { findings } = JSON.parse(run("check", DEMO, "--format", "json"));
    const about = (id) => connections.filter(({ src, dst }) => src !== dst && [src, dst].includes(id)).length;
    await page.getByText(/^As a table/).click();
    const all = await said(page);
    // Of a policy: whom it selects. Of a Service: the pods behind it.
    for (const [rule, id] of [["peer-matches-nothing", "shop/db[StatefulSet]"], ["service-port-confusion", "shop/api[Deployment]"]]) {
      await page.getByRole("combobox", { name: "Finding" }).selectOption(rule);
      await page.locator(".map .key", { hasText: "what the finding is about" }).waitFor();
      await says(page, about(id));
      assert(about(id) > 0 && about(id) < all, rule);
    }
    await page.getByRole("combobox", { name: "Finding" }).selectOption("NetworkPolicy/shop/db-from-api");
    await page.waitForFunction(() => location.hash.includes("db-from-api"));
    await says(page, about("shop/db[StatefulSet]"));
    // From a finding to the map.
    const dns = findings.find(({ rule }) => rule === "dns-egress-blocked");
    await visit(page, `#/findings/${dns.fingerprint}`);
    await page.getByRole("link", { name: "show on the map" }).click();
    await page.getByRole("heading", { level: 1, name: "Map" }).waitFor();
    assert.match(await page.getByRole("combobox", { name: "Finding" }).evaluate((list) => list.selectedOptions[0].text), /isolates shop\/web/);
  });
});

test("policies say what they select and allow", () =>
  on(shop, "#/policies", async (page) => {
    const { summary } = JSON.parse(run("check", SHOP, "--format", "json"));
    const rows = page.locator("tbody tr");
    assert.equal(await rows.count(), summary.policies);
    await page.getByRole("button", { name: "Endpoints" }).click();
    assert.equal(await page.locator("th[aria-sort=ascending]").count(), 1);
    const saved = await downloaded(page, () => page.getByRole("button", { name: "CSV", exact: true }).click());
    assert.equal(saved.text.trim().split("\r\n").length, summary.policies + 1);
    const { layers } = await embedded(page);
    const written = layers.flatMap(({ tiers }) => tiers).flatMap(({ policies }) => policies).flatMap(({ ingress, egress }) => [...(ingress ?? []), ...(egress ?? [])]);
    const rules = await downloaded(page, () => page.getByRole("button", { name: "all rules as CSV" }).click());
    assert.equal(rules.text.trim().split("\r\n").length, written.length + 1);
    await rows.filter({ hasText: "shop-data/redis" }).first().getByRole("link").click();
    const text = await page.locator("main").innerText();
    assert.match(text, /shop-data\/redis/);
    assert.match(text, /allow from pods/);
    assert.match(text, /6379/);
  }));

test("rules are dead that match nothing, and those that others leave nothing to decide", async () => {
  const file = report("guardrails", "corpus/platform-guardrails/manifests");
  await on(file, "#/policies", async (page) => {
    const { findings } = JSON.parse(run("check", "corpus/platform-guardrails/manifests", "--format", "json"));
    for (const rule of ["shadowed-rule", "redundant-rule", "unreachable-pass"]) {
      const { object, locations } = findings.find((finding) => finding.rule === rule);
      await visit(page, "#/policies");
      const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: object, exact: true }) });
      assert.equal(await row.locator('td[data-name="Dead rules"]').innerText(), "1", rule);
      await row.getByRole("link").click();
      await page.getByRole("heading", { level: 1, name: object }).waitFor();
      const dead = page.locator(".rule", { hasText: `dead: ${rule}` });
      assert.equal(await dead.count(), 1);
      assert((await dead.innerText()).includes(`${locations[0].file}:`));
    }
  });
});

test("every table is saved as CSV, row by row", async () => {
  const gateway = report("gateway", "corpus/gateway-api-weights-and-grants/manifests");
  let tables = 0;
  for (const [file, views] of [
    [demo, ["#/glance", "#/map", "#/policies", "#/policies/NetworkPolicy%2Fshop%2Fdb-from-api", "#/workloads", "#/workloads/shop%2Fweb%5BDeployment%5D"]],
    [gateway, ["#/glance", "#/services", "#/workloads/infra%2Fenvoy-infra-edge%5BDeployment%5D"]],
  ]) {
    await on(file, "", async (page) => {
      for (const view of views) {
        await visit(page, view);
        await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
        assert.equal(await page.locator("main table").count(), await page.locator("main .table").count(), view);
        for (const table of await page.locator("main .table").all()) {
          const saved = await downloaded(page, () => table.getByRole("button", { name: "CSV", exact: true }).click());
          const lines = saved.text.trim().split("\r\n");
          assert.equal(lines.length, (await table.locator("tbody tr").count()) + 1, `${view} ${saved.name}`);
          const headings = await table.locator("thead th").allInnerTexts();
          assert.equal(lines[0], headings.map((name) => name.trim()).join(","), view);
          tables += 1;
        }
      }
    });
  }
  assert(tables >= 12, `${tables} tables`);
});

test("every view is a link: what it shows comes back", () =>
  on(demo, "", async (page) => {
    const links = [
      "#/glance", "#/map?namespace=shop&protocol=udp", "#/map?finding=peer-matches-nothing", "#/map?focus=shop%2Fweb%5BDeployment%5D", "#/matrix?open=%7C", "#/matrix?find=web&port=8080",
      "#/matrix?src=shop%2Fapi%5BDeployment%5D&dst=shop%2Fdb%5BStatefulSet%5D", "#/findings?severity=warning&rule=dns-egress-blocked", "#/assertions", "#/policies?find=db",
      "#/policies/NetworkPolicy%2Fshop%2Fdb-from-api", "#/workloads?find=api", "#/workloads/shop%2Fweb%5BDeployment%5D", "#/services",
    ];
    const shown = () => page.locator("#report").innerText();
    const seen = new Set();
    for (const link of links) {
      await visit(page, link);
      const before = await shown();
      await visit(page, "#/services?elsewhere");
      await page.goto(page.url().replace(/#.*/, link));
      await page.reload();
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.waitForFunction((text) => document.getElementById("report").innerText === text, before);
      seen.add(before);
    }
    assert.equal(seen.size, links.length);
  }));

test("a workload says who reaches it, what it reaches, and how far one gets", () =>
  on(shop, "#/workloads", async (page) => {
    await page.getByRole("link", { name: "shop/checkout" }).click();
    await page.getByRole("heading", { level: 1, name: "shop/checkout" }).waitFor();
    const answer = JSON.parse(run("reach", SHOP, "--format", "json"));
    const id = "shop/checkout[Deployment]";
    const rows = (heading) => page.locator("section", { has: page.getByRole("heading", { level: 2, name: heading, exact: true }) }).locator("tbody tr").count();
    assert.equal(await rows("Who can reach it"), answer.connections.filter(({ dst }) => dst === id).length);
    assert.equal(await rows("What it can reach"), answer.connections.filter(({ src }) => src === id).length);
    const radius = JSON.parse(run("reach", "--transitive", "--from", "shop/checkout", SHOP, "--format", "json"));
    assert.equal(await rows("Blast radius"), radius.radius[0].reached.length);
  }));

test("services and routes say where they lead", async () => {
  const file = report("gateway", "corpus/gateway-api-weights-and-grants/manifests");
  await on(file, "#/services", async (page) => {
    const document = await embedded(page);
    assert(document.routes.length > 1);
    const text = await page.locator("main").innerText();
    for (const service of document.services) assert(text.includes(`${service.namespace}/${service.name}`), service.name);
    for (const route of document.routes) assert(text.includes(`${route.namespace}/${route.name}`), route.name);
  });
});

test("a screen reader finds nothing in its way", async () => {
  const why = "?src=shop/web[Deployment]&dst=shop-data/redis[StatefulSet]";
  const views = [
    "#/glance", "#/map", "#/map?focus=shop/web[Deployment]", "#/matrix", `#/matrix${why}`, "#/findings", "#/policies", "#/policies/NetworkPolicy%2Fshop-data%2Fredis",
    "#/workloads", "#/workloads/shop%2Fcart%5BDeployment%5D", "#/services",
    // As many connections to it as from it.
    "#/workloads/infra%2Fenvoy-infra-edge%5BDeployment%5D",
  ];
  const gateway = report("gateway", "corpus/gateway-api-weights-and-grants/manifests");
  for (const [file, colorScheme] of [[shop, "light"], [demo, "dark"], [gateway, "light"]]) {
    const page = await open(chromium, file, "", { colorScheme });
    await page.evaluate(axe);
    for (const view of views) {
      await visit(page, view);
      const { violations } = await page.evaluate(() => window.axe.run(document, { rules: { "meta-viewport": { enabled: true } } }));
      const said = violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.failureSummary}`).join(" | ")}`);
      assert.deepEqual(said, [], `${view} in ${colorScheme}`);
    }
    await page.context().close();
  }
});

test("without JavaScript there are the summary, the findings and the connections", () =>
  on(demo, "", async (page) => {
    const answer = JSON.parse(run("reach", DEMO, "--format", "json"));
    const { findings } = JSON.parse(run("check", DEMO, "--format", "json"));
    const text = await page.locator("noscript").innerText().catch(() => "") || (await page.locator("body").innerText());
    for (const finding of findings) assert(text.includes(finding.message), finding.message);
    const rows = await page.locator("noscript table").last().locator("tbody tr").count();
    assert.equal(rows, answer.connections.length);
  }, { javaScriptEnabled: false }));

test("it fits a phone and paper", () =>
  on(demo, "", async (page) => {
    for (const view of ["#/glance", "#/findings", "#/policies", "#/workloads", "#/services", "#/matrix", "#/map"]) {
      await visit(page, view);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert(wide <= 0, `${view} is ${wide} pixels too wide`);
    }
    await page.emulateMedia({ media: "print" });
    await visit(page, "#/findings");
    assert.equal(await page.getByRole("navigation").isVisible(), false);
    assert.equal(await page.locator(".finding").first().isVisible(), true);
  }, { viewport: { width: 390, height: 844 } }));

test("the theme can be chosen, and the file loads nothing", () =>
  on(demo, "", async (page) => {
    const paper = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const light = await paper();
    await page.getByRole("button", { name: "theme: auto" }).click();
    await page.getByRole("button", { name: "theme: light" }).click();
    await page.getByRole("button", { name: "theme: dark" }).waitFor();
    await page.waitForFunction((before) => getComputedStyle(document.documentElement).backgroundColor !== before, light);
    const policy = await page.locator('meta[http-equiv="Content-Security-Policy"]').getAttribute("content");
    assert.match(policy, /^default-src 'none'; script-src 'sha256-[^']+' 'wasm-unsafe-eval'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'$/);
    const script = await page.evaluate(() => new Promise((done) => {
      addEventListener("securitypolicyviolation", (event) => done(event.violatedDirective));
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      document.body.append(script);
    }));
    assert.match(script, /script-src/);
    assert.equal(await page.evaluate(() => window.ran), undefined);
    page.complaints.length = 0;
  }));
