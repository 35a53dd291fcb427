import { useEffect, useState } from "preact/hooks";

export type Theme = "auto" | "light" | "dark";
const THEMES: Theme[] = ["auto", "light", "dark"];
const KEY = "npv-report-theme";

export function nextTheme(theme: Theme): Theme {
  return THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "auto";
}

function stored(): Theme {
  try {
    const known = THEMES.find((theme) => theme === localStorage.getItem(KEY));
    return known ?? "auto";
  } catch {
    // Some browsers keep nothing for a file.
    return "auto";
  }
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState(stored);
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // The choice lasts as long as the page.
    }
    dispatchEvent(new Event("themechange"));
  }, [theme]);
  return [theme, setTheme];
}
