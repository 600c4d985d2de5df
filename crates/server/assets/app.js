// Everything here is an improvement of a page that is complete without it. Each module looks for what it improves.
import { keys } from "./keys.js";
import { queryBoxes } from "./query.js";
import { contexts } from "./contexts.js";
import { code } from "./code.js";
import { finder } from "./finder.js";
import { exports } from "./exports.js";
import { diffs } from "./diff.js";
import { live } from "./live.js";
import { navigation } from "./nav.js";
import { passkeys } from "./passkeys.js";
import { menus, filters, copies, expand, theme } from "./small.js";

theme();
menus();
filters();
copies();
expand();
queryBoxes();
contexts();
code();
navigation();
live();
diffs();
exports();
passkeys();
finder();
keys();
