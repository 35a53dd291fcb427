// The model against npv itself, on every scenario of the corpus.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { Matrix, NOTHING_ASKED, Report, blastRadius, csv, draw, explain, families, nearest, provide, quoted, reach, remedy, troubles, waysIn, traceCommand, traffic, visible } from "../node_modules/.model/model.js";
import { layout, path, run } from "./browser.js";

const scenarios = readdirSync(path("corpus"), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
const documents = new Map();
await provide(layout());

function load(scenario) {
  if (!documents.has(scenario)) {
    const inputs = `corpus/${scenario}/manifests`;
    documents.set(scenario, new Report(JSON.parse(run("report", inputs, "--format", "json", "--allow-incomplete"))));
  }
  return documents.get(scenario);
}

test("the answer in a report is that of npv reach", () => {
  let connections = 0;
  for (const scenario of scenarios) {
    const answer = JSON.parse(run("reach", `corpus/${scenario}/manifests`, "--format", "json", "--quiet"));
    assert.deepEqual(JSON.parse(JSON.stringify(reach(load(scenario)))), answer, scenario);
    connections += answer.connections.length;
  }
  assert(connections > 500, `${connections} connections`);
});

test("what the tiers say comes to the answer, for every pair and every part of it", () => {
  let [pairs, denied, compared] = [0, 0, 0];
  for (const scenario of scenarios) {
    const report = load(scenario);
    for (let src = 0; src < report.endpoints.length; src++) {
      for (let dst = 0; dst < report.endpoints.length; dst++) {
        // What depends on what no manifest shows is no matter of the tiers alone.
        if (!report.asks(src, dst) || report.conditionAt(src, dst)) continue;
        const answer = report.traffic(report.at(src, dst));
        const pair = `${scenario}: ${report.endpoint(src).id} to ${report.endpoint(dst).id}`;
        for (const from of report.end(src).parts) {
          for (const to of report.end(dst).parts) {
            let beyond = null;
            const sides = families(report, from.class, to.class).map((family) => {
              const leaves = explain(report, "egress", from.class, to.class, family);
              const enters = explain(report, "ingress", to.class, from.class, family);
              beyond ||= leaves.beyond || enters.beyond;
              for (const near of nearest(report, enters, to.class, from.class, family)) assert(near.unmet.length > 0, pair);
              return traffic.intersection(leaves.allowed, enters.allowed);
            });
            // The page says so where its steps are not all that decides, and follows the verdict.
            if (beyond) {
              compared += 1;
              continue;
            }
            const both = traffic.union(...sides);
            // What is assumed sends what routes send, and no more.
            if (report.isAssumed(src)) {
              assert.equal(traffic.text(traffic.intersection(both, answer)), traffic.text(answer), pair);
            } else assert.equal(traffic.text(both), traffic.text(answer), pair);
            pairs += 1;
            denied += traffic.isEmpty(both) ? 1 : 0;
          }
        }
      }
    }
  }
  assert(pairs > 1_500 && denied > 500, `${pairs} pairs, ${denied} denied`);
  assert(compared < pairs / 20, `${compared} of ${pairs} pairs are left to the verdict`);
});

test("cells of groups count the pairs of their members", () => {
  for (const scenario of ["web-shop", "demo", "clients-by-address"]) {
    const report = load(scenario);
    const matrix = new Matrix(report, null, "");
    const lines = matrix.lines(() => true, () => true);
    const groups = lines.filter((line) => line.end === undefined);
    const ends = lines.filter((line) => line.end !== undefined);
    let connected = 0;
    for (const row of groups) {
      for (const column of groups) {
        const share = matrix.share(row, column);
        const members = ends.filter((end) => end.group === row.group).map((end) => matrix.share(end, column));
        assert.equal(members.reduce((sum, each) => sum + each.connected, 0), share.connected);
        assert(share.connected <= share.pairs);
        connected += share.connected;
      }
    }
    assert.equal(connected, report.document.coverage.connections, scenario);
  }
});

test("a map draws every connection once, however it is folded", () => {
  for (const scenario of scenarios) {
    const report = load(scenario);
    // What passes of a pair, what passes in part and what nobody knows are lines of their own.
    const apart = ({ src, dst }) => src !== dst;
    const certain = [...report.connections()].filter(apart).length;
    const unsure = [...report.conditions()].filter(apart).flatMap(({ condition }) => [condition.partial, condition.unknown].filter((part) => !traffic.isEmpty(part)));
    const between = certain + unsure.length;
    for (const open of [null, new Set(), new Set(report.groupOf), new Set([report.groupOf[0]])]) {
      const picture = draw(report, { ...NOTHING_ASKED, open });
      // What is blocked is no connection.
      const edges = picture.edges.filter(({ line }) => line !== "blocked");
      const pairs = edges.flatMap((edge) => [...picture.pairs(edge)].map((pair) => `${pair.join(" ")} ${edge.line}`));
      assert.equal(new Set(pairs).size, pairs.length, scenario);
      for (const edge of picture.edges) assert.equal([...picture.pairs(edge)].length, edge.links, scenario);
      // A part of a connection may be dangerous, and the rest is allowed.
      const parts = new Set(pairs.map((pair) => pair.replace("dangerous", "allowed")));
      assert.equal(parts.size + picture.said, between, scenario);
      for (const part of parts) {
        const [src, dst] = part.split(" ").map(Number);
        assert(report.at(src, dst) || report.conditionAt(src, dst), `${scenario}: ${part}`);
      }
    }
  }
});

test("what is wrong is ranked by its damage, and what follows from it is folded in", () => {
  const demo = troubles(load("demo"));
  const { findings } = load("demo").document;
  assert.equal(demo[0].damage, "broken");
  // Of what breaks a Service npv itself says that it does.
  assert.equal(demo.length, findings.length);
  const steps = troubles(load("zero-trust-in-four-steps"));
  const folded = steps.flatMap(({ finding, consequences }) => consequences.map((one) => [finding.rule, one.finding.rule]));
  assert.deepEqual(folded, [["dns-egress-blocked", "unreachable-service"]]);
  for (const scenario of scenarios) {
    const all = troubles(load(scenario));
    const ranks = all.map(({ finding }) => ["error", "warning", "note"].indexOf(finding.severity));
    assert.deepEqual(ranks, ranks.toSorted((a, b) => a - b), scenario);
    assert.equal(all.reduce((sum, { consequences }) => sum + 1 + consequences.length, 0), load(scenario).document.findings.length, scenario);
  }
});

test("a way in is what the manifests lead from outside", () => {
  const report = load("web-shop");
  const ways = report.endpoints.map((_, end) => (report.isPods(end) ? waysIn(report, end) : []));
  const led = report.document.services.filter(({ type }) => type === "LoadBalancer" || type === "NodePort").flatMap(({ ports }) => ports.flatMap(({ targets }) => targets.map(({ endpoint }) => endpoint)));
  for (const end of led) assert(ways[end].length > 0);
});

test("what a remedy adds opens the side that denies", () => {
  let cures = 0;
  for (const scenario of ["demo", "web-shop", "zero-trust-in-four-steps"]) {
    const report = load(scenario);
    for (let src = 0; src < report.endpoints.length; src++) {
      for (let dst = 0; dst < report.endpoints.length; dst++) {
        const [from, to] = [report.end(src).parts[0], report.end(dst).parts[0]];
        if (!report.isPods(src) || !report.isPods(dst) || src === dst || !from || !to) continue;
        const side = explain(report, "ingress", to.class, from.class, null);
        if (!traffic.isEmpty(side.allowed)) continue;
        const cure = remedy(report, side, dst, src);
        if (!cure) continue;
        cures += 1;
        assert.equal(cure.lines.filter(({ add }) => add)[0].text, "    - from:");
        const { namespace } = report.endpoint(src);
        const other = namespace !== report.endpoint(dst).namespace;
        assert.equal(cure.lines.some(({ text }) => text.includes(`namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: "${namespace}"`)), other, scenario);
      }
    }
  }
  assert(cures > 20, `${cures} remedies`);
});

test("a blast radius follows connections", () => {
  const report = load("web-shop");
  const start = report.endpoints.findIndex((end) => end.name === "web");
  const radius = blastRadius(report, start);
  const answer = JSON.parse(run("reach", "--transitive", "--from", "shop/web", "corpus/web-shop/manifests", "--format", "json"));
  const known = answer.radius[0].reached;
  const pods = radius.filter(({ end }) => report.end(end).workload !== null).map(({ end }) => report.endpoint(end).id).sort();
  const theirs = known.map((each) => each.endpoint.id).filter((id) => report.index(id) !== undefined && report.end(report.index(id)).workload !== null).sort();
  assert.deepEqual(pods, theirs);
});

test("traffic is a set", () => {
  const { parse, text, short, union, difference, intersection, isEmpty, ALL } = traffic;
  const web = union(parse("80"), parse("443"));
  assert.equal(text(web), "TCP 80,443; UDP 80,443; SCTP 80,443");
  assert.equal(text(parse("8000-8080/tcp")), "TCP 8000-8080");
  assert.equal(text(union(parse("79/tcp"), parse("80/tcp"))), "TCP 79-80");
  assert.equal(text(difference(parse("tcp"), parse("80/tcp"))), "TCP 1-79,81-65535");
  assert.equal(text(union(parse("udp"), union(parse("tcp"), parse("sctp")))), "all");
  assert(isEmpty(intersection(parse("80/tcp"), parse("80/udp"))));
  assert(isEmpty(difference(web, ALL)));
  for (const wrong of ["", "x", "0", "65536", "9-8", "-", "80/icmp"]) assert.equal(parse(wrong), null, wrong);
  assert.equal(short(parse("53/udp")), "53/udp");
  assert.equal(short(union(parse("80/tcp"), parse("8443/tcp"))), "80,8443");
  assert.equal(short(union(parse("8080/tcp"), parse("8443/tcp"), parse("9090/tcp"))), "8080 +2");
});

test("names are data in every output", () => {
  assert.equal(visible("a\u202eb\n\u0000"), "a\\u{202e}b\\n\\u{0}");
  assert.equal(visible("über/web[Deployment]"), "über/web[Deployment]");
  assert.equal(csv(["a"], [["=1+1"], ['say "x", y'], [-5]]), `a\r\n'=1+1\r\n"say ""x"", y"\r\n-5\r\n`);
  assert.equal(quoted("shop/web"), "shop/web");
  assert.equal(quoted("it's; rm -rf ~"), `'it'\\''s; rm -rf ~'`);
  const report = load("web-shop");
  const [src, dst] = ["shop/web[Deployment]", "shop-data/postgres[StatefulSet]"].map((id) => report.index(id) ?? 0);
  const command = traceCommand(report, src, dst);
  assert.match(command, /^npv trace shop\/web shop-data\/postgres corpus\/web-shop\/manifests$/);
  assert.match(run(...command.split(" ").slice(1)), /denied/);
});
