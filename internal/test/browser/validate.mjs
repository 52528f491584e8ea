// Prints what html-validate finds in a page as JSON. Its command line needs a newer Node.js
// than its library.
import { readFileSync } from "node:fs";
import { HtmlValidate, StaticConfigLoader } from "html-validate/node";

const loader = new StaticConfigLoader({ extends: ["html-validate:recommended"], rules: { "long-title": "off" } });
const report = await new HtmlValidate(loader).validateString(readFileSync(process.argv[2], "utf8"));
const messages = report.results.flatMap((result) => result.messages);
console.log(JSON.stringify(messages.map(({ ruleId, message, line, column }) => ({ ruleId, message, line, column }))));
