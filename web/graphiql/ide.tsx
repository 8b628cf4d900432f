/** GraphiQL itself, for one session. */
import { explorerPlugin } from "@graphiql/plugin-explorer";
import { HISTORY_PLUGIN } from "@graphiql/plugin-history";
import { useMonaco } from "@graphiql/react";
import { GraphiQL } from "graphiql";
import { useEffect, useMemo } from "react";
import type { Session } from "../api/session";
import { defineNight } from "./editor-theme";
import type { Example } from "./examples";
import { sessionFetcher } from "./fetcher";
import { looksOnlyStorage } from "./storage";

const PLUGINS = [HISTORY_PLUGIN, explorerPlugin()];
const STORAGE = looksOnlyStorage();

interface IdeProps {
  readonly session: Session;
  readonly tabs: [Example, ...Example[]];
}

export function Ide({ session, tabs }: IdeProps) {
  const fetcher = useMemo(() => sessionFetcher(session), [session]);
  // GraphiQL shows its tabs before the editor is there, and a click in that moment mixes up their texts.
  const { monaco, actions } = useMonaco();
  useEffect(() => void actions.initialize(), [actions]);
  useEffect(() => void (monaco && defineNight(monaco)), [monaco]);
  if (!monaco) return null;
  return (
    <GraphiQL
      fetcher={fetcher}
      plugins={PLUGINS}
      storage={STORAGE}
      defaultTabs={tabs}
      initialVariables={tabs[0].variables}
      defaultEditorToolsVisibility="variables"
      shouldPersistHeaders={false}
    />
  );
}
