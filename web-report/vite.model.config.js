import { defineConfig } from "vite";

// The model without its views, for tests outside of a browser.
export default defineConfig({
  build: {
    ssr: "src/model/index.ts",
    outDir: "node_modules/.model",
    emptyOutDir: true,
    target: "es2022",
    rolldownOptions: { output: { entryFileNames: "model.js" } },
  },
});
