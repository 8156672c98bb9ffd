export { ConfigError, type LoadedConfig, loadConfig } from './config.ts';
export { type LogOptions, ServerEventNames, ServerLog } from './log.ts';
export { type RunningServer, runServer } from './run-server.ts';
export { type SettingName, type Settings, settingNames, settingsSchema } from './settings.ts';
