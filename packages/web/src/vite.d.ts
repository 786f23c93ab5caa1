/** Modules that Vite makes. */
declare module "*.css";
declare module "@fontsource-variable/inter/wght.css";
