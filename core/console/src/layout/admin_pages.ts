/** Pages for administrators, in the order of the navigation. */
export const adminPages = [
  { path: '/admin/people', icon: 'team', label: 'people.title' },
  { path: '/admin/workflow', icon: 'profile', label: 'workflow.title' },
  { path: '/admin/rules', icon: 'schedule', label: 'rules.title' },
  { path: '/admin/plugins', icon: 'appstore', label: 'plugins.title' },
  { path: '/admin/import', icon: 'folder', label: 'import.title' },
  { path: '/duplicates', icon: 'team', label: 'duplicates.title' },
  { path: '/admin/search', icon: 'database', label: 'searchAdmin.title' },
  { path: '/admin/jobs', icon: 'unordered-list', label: 'jobs.title' },
  { path: '/admin/audit', icon: 'safety', label: 'audit.title' },
  { path: '/admin/configuration', icon: 'file-text', label: 'configuration.title' },
  { path: '/settings', icon: 'setting', label: 'settings.title' },
] as const;
