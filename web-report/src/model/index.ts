export * from "./answers";
export * from "./csv";
export * from "./explain";
export * from "./report";
export * from "./visible";
export * as traffic from "./traffic";
export * from "./matrix";
export * from "./walk";
export * from "./map";
