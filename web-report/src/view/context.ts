import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Report } from "../model/report";

export const ReportContext = createContext<Report | null>(null);

export function useReport(): Report {
  const report = useContext(ReportContext);
  if (!report) throw new Error("there is no report");
  return report;
}
