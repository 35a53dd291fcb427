import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import type { Report } from "../model/report";

export const ReportContext = createContext<Report | null>(null);
/** Is kept when the layout of the map is there. */
export const LayoutContext = createContext<Promise<void>>(Promise.resolve());

export function useReport(): Report {
  const report = useContext(ReportContext);
  if (!report) throw new Error("there is no report");
  return report;
}

/** Whether the layout of the map is there; a message where it cannot be had. */
export function useLayout(): boolean | string {
  const ready = useContext(LayoutContext);
  const [state, setState] = useState<boolean | string>(false);
  useEffect(() => {
    let here = true;
    ready.then(() => here && setState(true), (error) => here && setState(String(error)));
    return () => { here = false; };
  }, [ready]);
  return state;
}
