import { render } from "preact";
import { Report } from "./model/report";
import type { Document } from "./schema";
import "./style/index.css";
import { App } from "./view/app";

const data = document.getElementById("document")?.textContent ?? "";
const place = document.getElementById("report");
if (place) render(<App report={new Report(JSON.parse(data) as Document)} />, place);
