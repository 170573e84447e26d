// What a dashboard of ours may look like: Grafana's own types, with each kind of panel held to its own options.
// `cargo xtask ci dashboards` compiles each file of grafana/dashboards against `Dashboard`.
import type * as grafana from "@grafana/schema";
import type * as bargauge from "@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen.d.ts";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen.d.ts";
import type * as table from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen.d.ts";
import type * as timeseries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen.d.ts";

/** As it stands in JSON: an enumeration is one of its words, and what is left out has its default. */
type Json<T> = T extends string ? `${T}`
  : T extends number | boolean | null | undefined ? T
  : T extends (infer Element)[] ? Json<Element>[]
  : T extends object ? { [Key in keyof T]?: Json<T[Key]> }
  : T;

type Source = { type: "prometheus"; uid: string };

/** Grafana's package has no type for a query of this data source. */
type Query = {
  refId: string;
  datasource: Source;
  expr: string;
  legendFormat?: string;
  format?: "time_series" | "table";
  instant?: boolean;
  range?: boolean;
};

type FieldConfig<Custom> = Omit<Json<grafana.FieldConfig>, "custom" | "mappings"> & {
  custom?: Json<Custom>;
  mappings?: grafana.ValueMapping[] | { type: "value"; options: Record<string, grafana.ValueMappingResult> }[];
};

type PanelOf<Kind extends string, Options, Custom> =
  Omit<grafana.Panel, "type" | "options" | "fieldConfig" | "targets" | "datasource" | "transformations"> & {
    type: Kind;
    id: number;
    title: string;
    description: string;
    gridPos: { x: number; y: number; w: number; h: number };
    datasource: Source;
    targets: Query[];
    options: Json<Options>;
    fieldConfig: { defaults: FieldConfig<Custom>; overrides: Json<grafana.FieldConfigSource["overrides"]> };
    transformations?: { id: string; options: Record<string, unknown> }[];
  };

type Row = { type: "row"; id: number; title: string; gridPos: { x: 0; y: number; w: 24; h: 1 }; collapsed: false; panels: [] };

type Panel =
  | PanelOf<"timeseries", timeseries.Options, timeseries.FieldConfig>
  | PanelOf<"stat", stat.Options, Record<string, never>>
  | PanelOf<"bargauge", bargauge.Options, Record<string, never>>
  | PanelOf<"table", table.Options, table.FieldConfig>
  | Row;

type Variable = Omit<Json<grafana.VariableModel>, "query" | "datasource"> & {
  type: "query";
  name: string;
  datasource: Source;
  query: { query: string; refId: string };
  definition: string;
};

export type Dashboard =
  Omit<grafana.Dashboard, "panels" | "templating" | "annotations" | "id" | "links"> & {
    uid: string;
    title: string;
    description: string;
    panels: Panel[];
    templating: { list: Variable[] };
    annotations: { list: [] };
    links: Json<grafana.DashboardLink>[];
  };
