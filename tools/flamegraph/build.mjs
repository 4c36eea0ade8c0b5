// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// node build.mjs OUTPUT.h: bundles the page and writes it as C, its two halves before and
// after the place of the profile.
import { build } from "esbuild";
import { readFileSync, writeFileSync } from "node:fs";

const here = (name) => new URL(name, import.meta.url);
const bundled = await build({
	entryPoints: [new URL("page.js", import.meta.url).pathname], bundle: true, minify: true,
	write: false, format: "iife", loader: { ".css": "empty" }, target: "es2020",
	charset: "ascii", legalComments: "inline",
});
const script = bundled.outputFiles[0].text.replaceAll("</script", "<\\/script");
const library = readFileSync(here("node_modules/d3-flame-graph/dist/d3-flamegraph.css"), "utf8");
const style = library + readFileSync(here("page.css"), "utf8");
const page = readFileSync(here("page.html"), "utf8")
	.replace("/*STYLE*/", () => style).replace("/*SCRIPT*/", () => script);
const halves = page.split("<!--PROFILE-->");

function array(name, text) {
	const bytes = [...Buffer.from(text)];
	const lines = [];

	for (let i = 0; i < bytes.length; i += 24)
		lines.push("\t" + bytes.slice(i, i + 24).join(", ") + ",");
	return `static const unsigned char ${name}[] = {\n${lines.join("\n")}\n};\n`;
}

writeFileSync(process.argv[2],
	array("page_before_profile", halves[0]) + array("page_after_profile", halves[1]));
