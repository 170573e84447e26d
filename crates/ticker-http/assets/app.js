// What script adds to pages that work without it: each module watches for what it makes quicker.

import { watchFilters } from "./js/filters.js";
import { watchChoices, watchOrdinaryForms, watchSmallButtons } from "./js/forms.js";
import { watchHistory } from "./js/history.js";
import { watchKeys } from "./js/keys.js";
import { watchList } from "./js/list.js";
import { watchLive } from "./js/live.js";
import { watchMarks } from "./js/marks.js";
import { watchMenus } from "./js/menus.js";
import { watchPreferences } from "./js/preferences.js";
import { watchPresses } from "./js/presses.js";
import { watchSelection } from "./js/select.js";
import { watchSheets } from "./js/sheet.js";
import { watchToasts } from "./js/toasts.js";
import { watchUndo } from "./js/undo.js";

watchToasts();
watchPresses();
watchUndo();
watchSheets();
watchOrdinaryForms();
// Much, for one page only; a scan that is quicker than it goes out as it does without script.
if (document.querySelector("form[data-scan]")) import("./js/scan.js").then(({ watchScans }) => watchScans());
watchKeys();
watchMenus();
watchPreferences();
watchSmallButtons();
watchChoices();
watchFilters();
watchMarks();
watchList();
watchHistory();
watchLive();
watchSelection();
document.querySelector("main [autofocus]")?.focus();
