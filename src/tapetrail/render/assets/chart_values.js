/* What the file holds: recorded values, colours of the style, texts of the axes. */
const library = window.LightweightCharts;
const find = (id) => document.getElementById(id);
const spec = JSON.parse(find("spec").textContent);
const readings = JSON.parse(find("readings").textContent);
const root = document.documentElement;
const stage = find("chart");
const count = spec.days.length;
const NONE = "–";
// One or two bars stand in the middle; more of them fill the panels.
const BESIDE = count < 3 ? 2 : 0;
const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";

const PRINT = { width: 1040, height: 620 };
const LARGE = 1e6;
const LONGEST = 13;
const ZOOM = 0.8;
const FEWEST = 5;
const PAGE = 10;
const AMOUNTS = new Set(["volume", "obv"]);
const OVERLAY_REACH = 0.5;
const FREE = 0.04;
const LINE_WIDTH = 2;
const TREND_WIDTH = 2.6;
const WIDTHS = { average_1: 1.4, average_2: 2.2, average_3: 3, band: 1.2 };
const PRICE_DENSITY = 4;
const PANEL_DENSITY = 2;
const FONT_SIZE = 12;
const LEGEND_GAP = 6;
const LABEL_AT = 9;
const LABEL_ROOM = 15;
const TAG_HALF = 9;

/* Times. The library wants rising seconds; bars of one day stand a second apart. Labels are the
   recorded days, so no time zone ever moves one. */
const times = [];
spec.days.forEach((day, at) => {
  const midnight = Date.parse(`${day}T00:00:00Z`) / 1000;
  times.push(at > 0 && times[at - 1] >= midnight ? times[at - 1] + 1 : midnight);
});
const places = new Map(times.map((time, at) => [time, at]));
const dayAt = (time) => spec.days[places.get(time)] ?? "";

function markText(time, kind) {
  const [year, month, day] = dayAt(time).split("-");
  if (kind === library.TickMarkType.Year) return year;
  const name = MONTHS.slice(3 * month - 3, 3 * month);
  return kind === library.TickMarkType.Month ? name : `${Number(day)} ${name}`;
}

/* Colours come from the style, resolved by an element that wears them. */
const probe = document.createElement("span");
probe.hidden = true;
document.body.append(probe);
function colour(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}
const ink = (name) => colour(name === "text" ? "text-ink" : name);

/* Labels on the axes. A recorded label is shown as it was recorded. */
function axisText(decimals) {
  const exact = new Intl.NumberFormat("en-US", {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
  return (value) => {
    if (Math.abs(value) >= LARGE) return amountText(value);
    const text = exact.format(value);
    return text.length <= LONGEST ? text : value.toExponential(5);
  };
}
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 2 });
const amountText = (value) =>
  Math.abs(value) < 1e15 ? compact.format(value) : value.toExponential(2);

const decimalsOf = (panel) => readings.decimals[spec.panels.indexOf(panel)];
function writer(panel) {
  if (AMOUNTS.has(panel.kind)) return amountText;
  return axisText(decimalsOf(panel));
}

function priceFormat(panel, ticks) {
  const recorded = new Map(panel.levels.map(([value, , label]) => [value, label]));
  if (panel.tag) recorded.set(panel.tag[0], panel.tag[1]);
  const write = writer(panel);
  return {
    type: "custom",
    formatter: (value) => recorded.get(value) ?? write(value),
    // The values are kept for `axisMarks`, which draws the labels.
    tickmarksFormatter: (values) => {
      ticks.set(panel, values);
      return values.map(() => "");
    },
    minMove: AMOUNTS.has(panel.kind) ? 1 : 10 ** -decimalsOf(panel),
  };
}
