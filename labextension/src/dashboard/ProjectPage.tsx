import type { Me, Project } from '../api';
import { path } from '../api';
import {
  ErrorNotice,
  Loading,
  PipelineGraph,
  PlaceLink,
  useEvents,
  useResource,
  type Target
} from '../ui';
import { MembersTab } from './MembersTab';
import { Page } from './page';
import type { ProjectTab } from './router';
import { SettingsTab } from './SettingsTab';
import { SnapshotsTab } from './SnapshotsTab';

const TABS: [tab: ProjectTab, label: string][] = [
  ['snapshots', 'Snapshots'],
  ['pipelines', 'Pipelines'],
  ['members', 'Members'],
  ['settings', 'Settings']
];

/** A project: its snapshots, pipelines, members and settings. */
export function ProjectPage(props: { project: string; tab: ProjectTab; me: Me }): JSX.Element {
  const project = useResource<Project>(path('projects', props.project));
  const { reload } = project;
  const id = project.data?.id;
  useEvents(event => {
    if (event.kind === 'reconnected' || (event.kind === 'project' && event.id === id)) {
      reload();
    }
  });
  const label = TABS.find(([tab]) => tab === props.tab)?.[1] ?? '';
  if (project.error !== undefined) {
    return (
      <Page title={props.project}>
        <ErrorNotice error={project.error} onRetry={reload} />
      </Page>
    );
  }
  if (project.data === undefined) {
    return (
      <Page title={props.project}>
        <Loading what="the project" />
      </Page>
    );
  }
  const { data } = project;
  return (
    <Page
      title={props.tab === 'snapshots' ? data.name : `${label} of ${data.name}`}
      heading={data.name}
      actions={
        <span className="etiq-quiet">
          {[
            data.short_id,
            data.role === 'owner'
              ? ''
              : `${data.owner?.username ?? 'somebody'}'s; you are ${data.role}`
          ]
            .filter(Boolean)
            .join(', ')}
        </span>
      }
    >
      {data.description && <p className="description">{data.description}</p>}
      <nav className="tabs" aria-label="Project">
        {TABS.map(([tab, text]) => (
          <TabLink
            key={tab}
            here={tab === props.tab}
            to={{ kind: 'project', project: props.project, tab }}
          >
            {text}
          </TabLink>
        ))}
      </nav>
      {props.tab === 'snapshots' && <SnapshotsTab project={data} />}
      {props.tab === 'pipelines' && <PipelineGraph project={data.id} />}
      {props.tab === 'members' && <MembersTab project={data} me={props.me} onChanged={reload} />}
      {props.tab === 'settings' && <SettingsTab project={data} onChanged={reload} />}
    </Page>
  );
}

function TabLink(props: { here: boolean; to: Target; children: string }): JSX.Element {
  return (
    <span
      className={props.here ? 'tab tab-here' : 'tab'}
      aria-current={props.here ? 'page' : undefined}
    >
      <PlaceLink to={props.to}>{props.children}</PlaceLink>
    </span>
  );
}
