// Every view is a link: `#/view/argument?parameters`.
import { useEffect, useState } from "preact/hooks";

export const VIEWS = ["glance", "changes", "map", "matrix", "findings", "assertions", "policies", "workloads", "services"] as const;
export type View = (typeof VIEWS)[number];

export interface Route {
  view: View;
  /** What the view is about: an endpoint's id, a policy's object. */
  about: string | null;
  parameters: URLSearchParams;
}

export function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [view = "", about] = path.split(/\/(.*)/s);
  let decoded: string | null = null;
  try {
    decoded = about ? decodeURIComponent(about) : null;
  } catch {
    // Not something that this page has written.
  }
  const known = (VIEWS as readonly string[]).includes(view) ? (view as View) : "glance";
  return { view: known, about: decoded, parameters: new URLSearchParams(query) };
}

type Parameters = Record<string, string | null | undefined>;

export function href(view: View, about?: string | null, parameters: Parameters = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value) query.set(name, value);
  const text = query.toString();
  return `#/${view}${about ? `/${encodeURIComponent(about)}` : ""}${text ? `?${text}` : ""}`;
}

/** The link to the same view with some parameters changed; `null` removes one. */
export function here(changes: Parameters, about?: string | null): string {
  const route = parse(location.hash);
  const parameters: Parameters = Object.fromEntries(route.parameters);
  return href(route.view, about === undefined ? route.about : about, { ...parameters, ...changes });
}

export function go(link: string, how: "push" | "replace" = "push"): void {
  if (how === "push") location.hash = link;
  else {
    history.replaceState(null, "", link);
    dispatchEvent(new HashChangeEvent("hashchange"));
  }
}

export function useRoute(): Route {
  const [route, update] = useState(() => parse(location.hash));
  useEffect(() => {
    const changed = () => update(parse(location.hash));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}
