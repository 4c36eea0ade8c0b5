// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The flame graph page: turns the profile that seep put into it (rows as html.c writes
// them) into a tree, and draws it. Names come from traced programs: they are only ever
// set as text.
import flamegraph, { tooltip } from "d3-flame-graph";
import { select } from "d3-selection";

const profile = JSON.parse(document.getElementById("profile").textContent);
const element = (id) => document.getElementById(id);

const BYTES = 0, COUNT = 1, GROWTH = 2;

function node(name, frame) {
	return { name, frame, totals: [0, 0, 0], verdicts: {}, children: [], index: new Map() };
}

function child(parent, key, name, frame) {
	let found = parent.index.get(key);

	if (!found) {
		found = node(name, frame);
		parent.index.set(key, found);
		parent.children.push(found);
	}
	return found;
}

function add(at, site) {
	at.totals[BYTES] += site.bytes;
	at.totals[COUNT] += site.count;
	at.totals[GROWTH] += Math.max(site.growth, 0);
	at.verdicts[site.verdict] = (at.verdicts[site.verdict] || 0) + site.bytes;
}

function makeTree() {
	const root = node("all processes", null);

	for (const site of profile.sites) {
		const process = profile.processes[site.process];
		const stack = site.stack === null ? null : profile.stacks[site.stack];
		let at = child(root, "p" + site.process, `${process.comm} (pid ${process.pid})`, null);

		add(root, site);
		add(at, site);
		if (!stack || stack.cut) {
			const marker = stack ? "[stack cut here]" : "[stack unknown]";

			at = child(at, marker, marker, null);
			add(at, site);
		}
		for (const number of stack ? stack.frames.slice().reverse() : []) {
			const frame = profile.frames[number];

			at = child(at, frame.name + "\n" + frame.module, frame.name, frame);
			add(at, site);
		}
	}
	return root;
}

// The chart scales by `value`, and keeps state in the nodes: each drawing gets its own.
function valued(at, which) {
	return {
		name: at.name, source: at, value: at.totals[which],
		children: at.children.map((c) => valued(c, which)).filter((c) => c.value > 0),
	};
}

function bytes(value) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB"];
	let unit = 0;

	while (value >= 1024 && unit < units.length - 1) {
		value /= 1024;
		unit++;
	}
	return `${unit ? value.toPrecision(3) : Math.round(value)} ${units[unit]}`;
}

function hue(text) {
	let hash = 2166136261;

	for (const c of text)
		hash = Math.imul(hash ^ c.codePointAt(0), 16777619) >>> 0;
	return hash % 360;
}

function worst(at) {
	return Object.entries(at.verdicts).sort((a, b) => b[1] - a[1])[0][0];
}

const verdictColours = {
	growing: "#e0685f", lost: "#d0483f", "live at exit": "#e0685f", burst: "#e8a34a",
	filling: "#efd06a", steady: "#8fc79a", "too little data": "#c3cad1",
};

function colour(d) {
	const at = d.data.source;

	if (d.highlight)
		return "#e600e6";
	if (element("colour").value === "verdict")
		return verdictColours[worst(at)] || "#c3cad1";
	if (!at.frame)
		return "#c3cad1";
	if (at.frame.allocator)
		return "#aab2ba";
	return `hsl(${hue(at.frame.module || at.frame.language || at.name)} 62% 74%)`;
}

function describe(d) {
	const at = d.data.source, frame = at.frame, all = tree.totals[BYTES] || 1;
	const lines = [at.name];

	if (frame && frame.location)
		lines.push(frame.location + (frame.inlined ? ", inlined" : ""));
	if (frame && frame.module)
		lines.push(frame.module + (frame.deleted ? " (removed or replaced on the disk)" : ""));
	lines.push(`${bytes(at.totals[BYTES])} (${(100 * at.totals[BYTES] / all).toFixed(1)}%) ` +
		   `in ${at.totals[COUNT].toLocaleString("en")} blocks, ` +
		   `growing ${bytes(at.totals[GROWTH] * 3600)}/h`);
	lines.push(Object.entries(at.verdicts).sort((a, b) => b[1] - a[1])
		   .map(([verdict, size]) => `${verdict}: ${bytes(size)}`).join(", "));
	return lines.join("\n");
}

function matches(d, term) {
	const at = d.data.source;
	const text = at.name + " " + ((at.frame && at.frame.module) || "");

	return text.toLowerCase().includes(term.toLowerCase());
}

function fillHeader() {
	element("title").textContent = `Outstanding memory: ${bytes(tree.totals[BYTES])}` +
		(profile.host ? ` on ${profile.host}` : "");
	for (const process of profile.processes) {
		const item = document.createElement("li"), verdict = document.createElement("strong");
		const findings = ["leak", "overflow"], quiet = ["none"];

		verdict.textContent = process.verdict;
		verdict.className = findings.includes(process.verdict) ? "bad" :
			quiet.includes(process.verdict) ? "good" : "warning";
		item.append(verdict, ` ${process.comm} (pid ${process.pid}): ` +
			    `${bytes(process.live_bytes)} outstanding. ${process.evidence || ""}`);
		element("verdicts").append(item);
	}
	element("trust").textContent = profile.trust;
}

function draw() {
	const host = element("chart");
	const width = Math.max(480, host.clientWidth);

	host.replaceChildren();
	chart = flamegraph().width(width).cellHeight(20).minFrameSize(1).transitionDuration(0)
		.inverted(true).sort(true).selfValue(false).title("")
		.setColorMapper(colour)
		.setLabelHandler(describe)
		.setSearchMatch(matches)
		.setDetailsHandler((d) => { if (d) element("details").textContent = d; })
		.onHover((d) => { element("details").textContent = describe(d); })
		.tooltip(tooltip.defaultFlamegraphTooltip().text(describe));
	select(host).datum(valued(tree, Number(element("value").value))).call(chart);
	// What a click moves is easier to follow in motion; the first picture is there at once.
	if (element("search").value.trim())
		search();
	chart.transitionDuration(250);
}

function search() {
	const term = element("search").value.trim();

	if (term)
		chart.search(term);
	else
		chart.clear();
}

let chart;
const tree = makeTree();

fillHeader();
draw();
element("value").addEventListener("change", draw);
element("colour").addEventListener("change", draw);
element("search").addEventListener("input", search);
element("reset").addEventListener("click", () => chart.resetZoom());
element("controls").addEventListener("submit", (event) => event.preventDefault());
addEventListener("resize", () => { clearTimeout(draw.timer); draw.timer = setTimeout(draw, 200); });
