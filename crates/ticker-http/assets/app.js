// What script adds to pages that work without it: each module watches for what it makes quicker.

import { watchFilters } from "./js/filters.js";
import { watchChoices, watchOrdinaryForms, watchSmallButtons } from "./js/forms.js";
import { watchKeys } from "./js/keys.js";
import { watchMenus } from "./js/menus.js";
import { watchPresses } from "./js/presses.js";
import { watchScans } from "./js/scan.js";
import { watchSheets } from "./js/sheet.js";
import { watchToasts } from "./js/toasts.js";

watchToasts();
watchPresses();
watchSheets();
watchOrdinaryForms();
watchScans();
watchKeys();
watchMenus();
watchSmallButtons();
watchChoices();
watchFilters();
document.querySelector("main [autofocus]")?.focus();
