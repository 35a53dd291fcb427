import { defineConfig } from "vite";

// One script and one style sheet with names that do not change; `scripts/template.js` puts them into the page.
export default defineConfig({
  base: "./",
  build: {
    outDir: "node_modules/.build",
    emptyOutDir: true,
    target: "es2022",
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    modulePreload: false,
    chunkSizeWarningLimit: 1000,
    rolldownOptions: {
      input: "src/main.tsx",
      output: { format: "iife", entryFileNames: "report.js", assetFileNames: "report[extname]" },
    },
  },
});
